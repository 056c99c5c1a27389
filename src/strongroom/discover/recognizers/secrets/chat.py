"""Keys of chats, social networks, mail and telephony.

Sources: the makers' documentation; gitleaks' and Nosey Parker's published lists for the rest.
"""

from __future__ import annotations

from strongroom.discover.recognizers.secrets._checked import discord_bot
from strongroom.discover.recognizers.secrets._shape import ASSIGN, assigned, cased, token

_HTTPS = "https?://"

RULES = (
    # Slack
    token("slack_bot_token", "xoxb-<d8,14>-(?:<d8,14>-)?<a18,>", "xoxb-", entropy=3.0),
    token("slack_user_token", "xox[pe]-<d10,13>-<d10,13>-<d10,13>-<a28,34>", "xoxp-", "xoxe-"),
    token("slack_workspace_token", "xox[ar]-(?:[0-9]-)?<a8,>", "xoxa-", "xoxr-"),
    token("slack_legacy_token", "xox[os]-<d6,14>-<d6,14>-<d6,14>-<H8,>", "xoxo-", "xoxs-"),
    token("slack_config_token", r"xoxe\.xox[bp]-[0-9]-<u100,>", "xoxe.xox", entropy=3.8),
    token("slack_refresh_token", "xoxe-[0-9]-<u100,>", "xoxe-", entropy=3.8),
    token("slack_cookie", "xoxd-[A-Za-z0-9%/+=_-]{60,}", entropy=4.0),
    token("slack_client_token", "xoxc-<d9,14>-<d9,14>-<d9,14>-<h64>"),
    token("slack_app_token", "xapp-[0-9]-<u8,14>-<d8,16>-<l40,>"),
    token("slack_webhook",
          r"(?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,64}",
          "hooks.slack.com", score=1.0, validated=True),
    # other chats
    token("discord_bot_token", r"[MNO]<w23,27>\.<w6>\.<w27,>", "discord", "token",
          lead=cased("discord|token|bot_?token") + ASSIGN, verify=discord_bot, validated=True,
          entropy=4.0),
    token("discord_webhook", rf"{_HTTPS}(?:\w{{1,8}}\.)?discord(?:app)?\.com/api/webhooks/"
          r"<d17,20>/<w60,>", "api/webhooks/", entropy=4.0, score=1.0, validated=True),
    assigned("discord_secret", "discord", "<h64>|<w32>", entropy=3.0),
    token("telegram_bot_token", "<d8,10>:AA<w32,34>", ":AA", entropy=3.5),
    token("teams_webhook", rf"{_HTTPS}[a-z0-9-]{{1,60}}\.webhook\.office\.com/webhookb2/"
          r"<uuid>@<uuid>/IncomingWebhook/<h32>/<uuid>(?:/<w20,>)?", "webhook.office.com",
          score=1.0, validated=True),
    token("power_automate_webhook", rf"{_HTTPS}[a-z0-9.-]{{1,80}}\.logic\.azure\.com(?::443)?/"
          r"workflows/<h32>/[^\s\"'<>]+sig=<w40,>", "logic.azure.com", score=1.0, validated=True),
    token("google_chat_webhook", rf"{_HTTPS}chat\.googleapis\.com/v1/spaces/<w8,14>/messages\?"
          r"key=<w20,>&token=[A-Za-z0-9_%-]{20,60}", "chat.googleapis.com",
          score=1.0, validated=True),
    assigned("mattermost_token", "mattermost", "<l26>", entropy=3.3),
    assigned("rocketchat_token", "rocket[_-]?chat", "<w43>", "rocket", entropy=4.0),
    token("matrix_access_token", "syt_[A-Za-z0-9=]{2,60}_<a20>_<a6>", "syt_"),
    assigned("webex_token", "webex", "<w64>_<w4>_<uuid>|<l64>", entropy=3.2),
    assigned("zoom_secret", "zoom", "<a32>|<a36>", entropy=3.6),
    assigned("line_channel_token", "line_channel|line_bot|line_notify", "<b172>=|<a43>|<h32>"),
    token("zulip_key", "<a32>", "zulip", lead=cased("zulip") + ASSIGN, entropy=3.6, score=0.85),
    assigned("gitter_token", "gitter", "<h40>"),
    assigned("pushover_key", "pushover", "<l30>", entropy=3.5),
    token("onesignal_key", "os_v2_(?:app|org)_[a-z0-9]{90,110}", "os_v2_app_", "os_v2_org_"),
    assigned("sendbird_token", "sendbird", "<h40>|<uuid>"),
    assigned("pusher_secret", "pusher", "<h20>"),
    assigned("intercom_token", "intercom", "dG9r<a56>=?|<w60>", entropy=4.0),
    assigned("zendesk_token", "zendesk", "<a40>", entropy=3.8),
    assigned("freshdesk_key", "freshdesk|freshservice", "<a20>", entropy=3.4),
    # social networks
    token("facebook_app_token", "<d15,16>(?:[|]|%7C)<w27,>", "facebook", "access_token", "fb_",
          entropy=3.3, lead=cased("facebook|access_token|fb_access|fb_token|fb_app|fb_page")
          + r"""[\w. -]*["'\]]*\s*[:=>,]*["'\s]*"""),
    token("facebook_page_token", "EAA[MC]<a100,>", "EAAM", "EAAC", entropy=4.0),
    token("facebook_user_token", "EAA[A-LN-Z]<a100,>", "EAA", entropy=4.0, score=0.9),
    assigned("facebook_secret", "facebook|fb_app|fb_secret", "<h32>", entropy=3.0),
    token("instagram_token", "IGQ[VW][A-Za-z0-9_-]{80,}", "IGQV", "IGQW", entropy=4.0),
    token("x_bearer_token", "A{22}[A-Za-z0-9%]{80,100}", "AAAAAAAAAAAAAAAAAAAAAA", entropy=3.5,
          verify=bool),
    token("x_access_token", "<d15,20>-<a40>", "twitter", "access_token",
          lead=cased("twitter|access_?token") + ASSIGN, entropy=3.8),
    assigned("x_api_secret", "twitter", "<a50>|<a45>|<a25>", entropy=3.6),
    token("linkedin_secret", r"WPL_AP[01]\.<a16>\.<b8>={0,2}", "WPL_AP"),
    assigned("linkedin_client_secret", "linked[_-]?in", "<a16>", "linkedin", "linked_in",
             "linked-in", entropy=3.0),
    token("pinterest_token", "pina_<u80,>", entropy=3.8),
    assigned("reddit_secret", "reddit", "<w27,30>", entropy=3.8),
    token("twitch_chat_token", "oauth:<l30>", "oauth:", entropy=3.4),
    assigned("twitch_secret", "twitch", "<l30>", entropy=3.4),
    assigned("flickr_secret", "flickr", "<h32>|<h16>", entropy=2.5),
    assigned("spotify_secret", "spotify", "<h32>"),
    assigned("strava_token", "strava", "<h40>"),
    # mail
    token("sendgrid_key", r"SG\.<w16,>\.<w16,>", "SG.", entropy=3.8),
    token("mailgun_key", "key-<h32>", "key-"),
    token("mailgun_signing_key", "<h32>-<h8>-<h8>", "mailgun", lead=cased("mailgun") + ASSIGN),
    token("mailgun_public_key", "pubkey-<h32>", "pubkey-", score=0.7),
    token("mailchimp_key", "<h32>-us<d1,2>", "-us"),
    token("mandrill_key", "md-<w22>", "md-", entropy=3.6),
    assigned("mandrill_legacy_key", "mandrill", "<w22>", entropy=3.5),
    token("brevo_key", "x(?:keys|smtps)ib-<h64>-<a16>", "xkeysib-", "xsmtpsib-"),
    token("resend_key", "re_<a8>_<a24>", "re_", entropy=3.8),
    token("mailersend_key", r"mlsn\.<h64>", "mlsn."),
    assigned("postmark_token", "postmark", "<uuid>"),
    assigned("mailjet_secret", "mailjet|mj_api", "<h32>"),
    assigned("sparkpost_key", "sparkpost", "<h40>"),
    token("klaviyo_key", "pk_<h34>", "pk_", entropy=3.0),
    assigned("mailtrap_token", "mailtrap", "<h32>"),
    token("convertkit_key", "kit_<h32>", "kit_"),
    # telephony
    token("twilio_key", "SK<h32>", "twilio", lead=cased("twilio") + ASSIGN),
    assigned("twilio_auth_token", "twilio", "<h32>"),
    assigned("messagebird_key", "message[_-]?bird", "<a25>|<uuid>", "messagebird", "message_bird",
             "message-bird", entropy=3.2),
    assigned("vonage_secret", "nexmo|vonage", "<a16>", entropy=3.0),
    assigned("plivo_token", "plivo", "<w40>|<a54,60>", entropy=3.8),
    token("telnyx_key", "KEY0<u28>_<a22>", "KEY0"),
)  # fmt: skip
