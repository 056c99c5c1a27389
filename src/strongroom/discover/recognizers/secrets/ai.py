"""Keys of models, of places that run them, and of what feeds them.

Sources: the makers' documentation; gitleaks' and Nosey Parker's published lists for the rest.
"""

from __future__ import annotations

from strongroom.discover.recognizers.secrets._checked import openai_key
from strongroom.discover.recognizers.secrets._real import drawn
from strongroom.discover.recognizers.secrets._shape import ASSIGN, assigned, cased, token

RULES = (
    token("openai_key", "sk-<w40,>", "sk-", entropy=3.8, verify=openai_key),
    token("openai_session_key", "sess-<a40>", "sess-", entropy=3.8),
    token("anthropic_key", "sk-ant-api[0-9]{2}-<w93>AA", "sk-ant-api", entropy=3.5, verify=drawn),
    token("anthropic_admin_key", "sk-ant-admin[0-9]{2}-<w93>AA", "sk-ant-admin", entropy=3.5,
          verify=drawn),
    token("anthropic_oauth_token", "sk-ant-(?:oat|ort|sid)[0-9]{2}-<w80,>", "sk-ant-oat",
          "sk-ant-ort", "sk-ant-sid", entropy=3.8),
    token("openrouter_key", "sk-or-v1-<h64>", "sk-or-v1-"),
    token("deepseek_key", "sk-<h32>", "sk-", entropy=3.0, score=0.85),
    token("secret_key_of_a_model", "sk-<a32,>", "sk-", entropy=3.8, score=0.8),
    token("huggingface_token", "hf_<c34>|hf_<a34,40>", "hf_", entropy=3.6),
    token("huggingface_organization_token", "api_org_<c34>", "api_org_", entropy=3.6),
    assigned("cohere_key", "cohere|co_api", "<a40>", entropy=4.0),
    token("replicate_token", "r8_<a37,40>", "r8_", entropy=3.6),
    token("groq_key", "gsk_<a52>", "gsk_", entropy=4.0),
    token("perplexity_key", "pplx-<a48,56>", "pplx-", entropy=3.8),
    assigned("mistral_key", "mistral", "<a32>", entropy=3.6),
    token("xai_key", "xai-<a80>", "xai-", entropy=4.0),
    token("together_key", "tgp_v1_<w43>", "tgp_v1_"),
    assigned("together_legacy_key", "together", "<h64>"),
    token("fireworks_key", "fw_<a22,24>", "fw_", entropy=3.6, score=0.85),
    token("elevenlabs_key", "sk_<h48>", "sk_"),
    assigned("stability_key", "stability", "sk-<a48>", entropy=3.8),
    assigned("assemblyai_key", "assembly_?ai", "<h32>", "assembly"),
    assigned("deepgram_key", "deepgram", "<h40>"),
    token("langsmith_key", "lsv2_(?:pt|sk)_<h32>_<h10>|ls__<h32>", "lsv2_pt_", "lsv2_sk_",
          "ls__"),
    token("langfuse_key", "(?:sk|pk)-lf-<uuid>", "sk-lf-", "pk-lf-"),
    token("pinecone_key", "pcsk_<a5,8>_<a50,>", "pcsk_", entropy=3.8),
    assigned("pinecone_legacy_key", "pinecone", "<uuid>"),
    assigned("weaviate_key", "weaviate", "<a36,>", entropy=3.8),
    token("wandb_key", "wandb_v1_<w70,>", "wandb_v1_"),
    assigned("wandb_legacy_key", "wandb", "<h40>"),
    token("comet_key", "<a25>", "comet_api", "comet-api", entropy=3.5, score=0.85,
          lead=cased("comet[_-]api") + ASSIGN),
    token("nvidia_key", "nvapi-<w60,>", "nvapi-", entropy=4.0),
    token("voyage_key", "pa-<w43>", "pa-", entropy=4.2, score=0.85),
    token("jina_key", "jina_<h32><w28>", "jina_", entropy=3.8),
    token("tavily_key", "tvly-(?:(?:dev|prod)-)?<a32>", "tvly-", entropy=3.6),
    token("firecrawl_key", "fc-<h32>", "fc-"),
    token("cerebras_key", "csk-<l48>", "csk-", entropy=3.8),
    token("llamacloud_key", "llx-<a48,52>", "llx-", entropy=3.8),
    token("runpod_key", "rpa_<u35,>", "rpa_", entropy=3.6),
    token("modal_token", "[aw][ks]-<a22>", "modal", lead=cased("modal") + ASSIGN, entropy=3.5),
    token("friendli_token", "flp_<a46,52>", "flp_", entropy=3.8),
    token("brave_search_key", "BSA<w27,28>", "BSA", entropy=3.8, score=0.85),
    assigned("serpapi_key", "serp_?api", "<h64>", "serp"),
    assigned("privateai_key", "private[_-]?ai", "<l32>", "privateai", "private_ai", "private-ai",
             entropy=3.2),
    token("kaggle_token", "KGAT_<h32>", "KGAT_"),
    token("kaggle_key", "<h32>", "kaggle", lead=cased("kaggle") + ASSIGN, score=0.85),
    assigned("roboflow_key", "roboflow", "<a20>", entropy=3.3),
    token("clarifai_token", "<h32>", "pat=", lead=r"(?i:clarifai_pat\s?=\s?[\"']?)", score=0.85),
    token("logfire_token", "pylf_v[0-9]{1,2}_[a-z]{2,16}_<a40,>", "pylf_v", entropy=3.8),
    token("databricks_token", "dapi<h32>(?:-[0-9])?", "dapi"),
    token("databricks_secret", "dose<h32>", "dose"),
)  # fmt: skip
