"""How one message of ours travels as FLARE's: raw bytes on one channel, and nothing else there.

    here   is the site there, and who is it          → "here"
    ask    a whole request (`Message.encode`)        → its answer, or nothing yet: still at work
    wait   SHA-256 of a request that was asked       → the same; "unknown" where it never arrived

A site works on one request at a time, and may for minutes; the reply to the network comes within
`PATIENCE` all the same, so that a connection that breaks costs nothing: who asked asks again, and
the site gives the answer that it has. The site sees each request once.
"""

from __future__ import annotations

CHANNEL = "strongroom"
HERE, ASK, WAIT = "here", "ask", "wait"
PATIENCE = 5.0
# Headers of a request: see `_signed`.
CERTIFICATE, SIGNATURE = "strongroom-certificate", "strongroom-signature"
# Replies that aren't an answer. An answer begins with the magic of a message.
WORKING, UNKNOWN = b"", b"unknown"
