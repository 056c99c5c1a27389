"""A model behind an address on 127.0.0.1, for tests: real HTTP, real TLS."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 20
Json = Any
Reply = tuple[int, Json, dict[str, str]]


class Server:
    """A model on 127.0.0.1: p(yes) = sigmoid(age / 10 - stay), and what a test puts before it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.before: Callable[[int, Any], Reply | None] = lambda _number, _body: None
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.document: Any = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: object) -> None:
                pass

            def do_GET(self) -> None:
                if outer.document is None or not self.path.endswith("openapi.json"):
                    self._send((404, {}, {}))
                else:
                    self._send((200, outer.document, {}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.times.append(time.monotonic())
                outer.bodies.append(body)
                outer.headers.append(dict(self.headers.items()))
                told = outer.before(len(outer.bodies), body)
                self._send(told or (200, outer.answer(body), {}))

            def _send(self, reply: Reply) -> None:
                status, content, headers = reply
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if folder is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.pem", folder / "server.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, body: Json) -> Json:
        chances = [chance(row) for row in body["instances"]]
        return {"predictions": [{"scores": {"no": 1 - p, "yes": p}} for p in chances]}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def chance(row: Json) -> float:
    if isinstance(row, dict):
        age, stay, ward = row["age"], row["stay"], row["ward"]
    else:
        age, stay, ward = row
    return float(1 / (1 + np.exp(stay - age / 10 - (ward == "north"))))


def rows(count: int = ROWS, seed: int = 0) -> Dataset:
    coins = np.random.default_rng(seed)
    return Dataset(
        pa.table(
            {
                "age": coins.integers(20, 80, count),
                "stay": coins.random(count) * 9,
                "ward": coins.choice(["north", "south"], count),
                "back": coins.choice(["no", "yes"], count),
            }
        )
    )
