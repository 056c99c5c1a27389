"""Wallets: addresses on block chains, by their checksums where they have one."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import Address
from strongroom.discover.recognizers._label import label

_58 = "[1-9A-HJ-NP-Za-km-z]"
_32 = "[02-9ac-hj-np-z]"
_WORDS = ("wallet", "address", "btc", "bitcoin", "eth", "ethereum", "crypto", "solana", "sol",
          "monero", "xmr", "deposit", "blockchain", "token")  # fmt: skip
# Their prefixes, in Bech32: Bitcoin, Litecoin, Cardano, Cosmos and those built like it.
_PREFIXES = (
    "bc", "tb", "ltc", "addr", "stake", "cosmos", "osmo", "terra", "inj", "sei", "celestia",
    "akash", "juno", "kava", "bnb", "zil", "one", "erd", "qtum", "vtc", "dgb", "lnbc",
)  # fmt: skip

_MONERO = (
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98u"
    "Nbr2VBBEt7f2wfn3RVGQBEP3A"
)
RULES = (
    # The first letter tells Bitcoin (1 3 2), Litecoin (L M), Dogecoin (D A 9), Dash (X 7),
    # Zcash (t) and Tron (T).
    Rule("crypto.base58", "CRYPTO", rf"(?:[1-3LMDA9X7T]|t[13]){_58}{{24,34}}", 0.95,
         verify=Address("BASE58"), validated=True,
         examples=("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                   "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
         lookalikes=("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",)),
    Rule("crypto.ripple", "CRYPTO", rf"r{_58}{{24,34}}", 0.95, verify=Address("RIPPLE58"),
         validated=True, examples=("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",),
         lookalikes=("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi",)),
    Rule("crypto.bech32", "CRYPTO",
         rf"(?:{'|'.join(_PREFIXES)})1{_32}{{8,103}}|(?:BC|TB|LTC)1[02-9AC-HJ-NP-Z]{{8,87}}", 0.95,
         verify=Address("BECH32"), validated=True,
         keywords=tuple(f"{prefix}1" for prefix in _PREFIXES),
         examples=("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
                   "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
         lookalikes=("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp",)),
    Rule("crypto.ethereum", "CRYPTO", "0x[0-9a-fA-F]{40}", 0.95, verify=Address("EIP55"),
         validated=True, keywords=("0x",),
         examples=("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",),
         lookalikes=("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",)),
    Rule("crypto.ethereum_plain", "CRYPTO", "0x(?:[0-9a-f]{40}|[0-9A-F]{40})", 0.6,
         keywords=("0x",), context=_WORDS, context_score=0.85,
         examples=("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",)),
    Rule("crypto.stellar", "CRYPTO", "G[A-Z2-7]{55}", 0.95, verify=Address("BASE32_CRC"),
         validated=True,
         examples=("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7",),
         lookalikes=("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN6",)),
    Rule("crypto.monero", "CRYPTO", rf"[48][0-9AB]{_58}{{93}}", 0.85,
         examples=(_MONERO,)),
    Rule("crypto.solana", "CRYPTO", rf"{_58}{{32,44}}", 0.75,
         lead=label("solana address", "solana wallet", "solana", "phantom wallet"),
         keywords=("solana", "phantom"),
         examples=("Solana address: 7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV1",)),
)  # fmt: skip
