"""A server of the loopback that stands for every vendor's, and the faults it has on a schedule.

The client reaches ``https://HOST/PATH`` at ``http://127.0.0.1:PORT/HOST/PATH``. A vendor is a
function from :class:`Asked` to :class:`Reply`; a fault takes the place of the nth answer.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

NOW = 1_793_000_000  # what the servers' clocks say (2026-10-26), epoch s


@dataclass(frozen=True)
class Asked:
    """One request: ``host`` and ``path`` as at the vendor."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Reply:
        """An answer of JSON."""
        return cls(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


Vendor = Callable[[Asked], Reply]


class Loopback:
    """What the server does: ``faults`` maps the number of a request (from 0) to a fault's name."""

    def __init__(self, vendor: Vendor, faults: Mapping[int, str], skew: float = 0.0) -> None:
        self.vendor, self.faults, self.skew = vendor, dict(faults), skew
        self.asked: list[Asked] = []
        self.done: list[str] = []
        self._before: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self.url = ""

    def reply(self, asked: Asked) -> tuple[Reply, str]:
        """The answer to a request, and the fault of the connection that comes with it."""
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
            fault = self.faults.get(number, "")
            good = self.vendor(asked)
            found = _spoilt(good, fault, self._before.get(asked.host))
            if fault and (found is not good or fault in ("cut", "slow")):
                self.done.append(fault)
            self._before[asked.host] = good
            return found, fault if fault in ("cut", "slow") else ""


FAULTS = ("429", "429 date", "503", "cut", "slow", "corrupt", "html", "again", "header", "gzip")


def _spoilt(good: Reply, fault: str, before: Reply | None) -> Reply:
    """``good`` with a fault; good itself where the fault does not apply."""
    if fault == "429":
        return Reply(b"slow down", 429, {"Retry-After": "0"})
    if fault == "429 date":
        return Reply(b"slow down", 429, {"Retry-After": formatdate(NOW, usegmt=True)})
    if fault == "503":
        return Reply(b"", 503)
    if fault == "corrupt" and len(good.body) > 60:  # other bytes, as many
        middle = len(good.body) // 2
        return replace(good, body=good.body[:middle] + b"\x00\xff\x00" + good.body[middle + 3:])
    if fault == "html":
        return Reply(b"<!DOCTYPE html><html><body>Please sign in</body></html>", 200,
                     {"Content-Type": "text/html"})
    if fault == "again" and before is not None and before.status == 200:
        return before
    if fault == "header" and good.body[:1] in (b"{", b"["):
        return replace(good, body=b'{"payload": ' + good.body + b"}")
    if fault == "header" and good.body[:2] == b"\x1f\x8b":
        text = gzip.decompress(good.body).replace(b"local_timestamp", b"arrival", 1)
        return replace(good, body=gzip.compress(text, mtime=0))
    if fault == "gzip" and good.status == 200 and good.body:
        packed = gzip.compress(good.body, mtime=0)
        return Reply(packed, 200, {**good.headers, "Content-Encoding": "gzip"})
    return good


@contextlib.contextmanager
def served(vendor: Vendor, faults: Mapping[int, str] | None = None,
           skew: float = 0.0) -> Iterator[Loopback]:
    """A running server, stopped at the end."""
    loopback = Loopback(vendor, faults or {}, skew)
    server = _Server(("127.0.0.1", 0), _handler(loopback))
    server.daemon_threads = True
    loopback.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left in the middle of an answer is no news here."""


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            host, _, rest = parts.path.lstrip("/").partition("/")
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(self.command, host, "/" + rest,
                          dict(parse_qsl(parts.query, keep_blank_values=True)),
                          dict(self.headers.items()), self.rfile.read(length))
            reply, fault = loopback.reply(asked)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._send(_part(asked, reply), fault)

        do_GET = do_POST = _answer

        def _send(self, reply: Reply, fault: str) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if fault:
                self.wfile.write(reply.body[:len(reply.body) // 2])
                self.wfile.flush()
                if fault == "slow":
                    time.sleep(0.7)
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self.wfile.write(reply.body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(NOW + loopback.skew, usegmt=True)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _part(asked: Asked, reply: Reply) -> Reply:
    """What a Range asks for of a file with an ETag."""
    wanted, tag = asked.headers.get("Range", ""), reply.headers.get("ETag")
    if reply.status != 200 or not wanted or asked.headers.get("If-Range") != tag:
        return reply
    begin = int(wanted.removeprefix("bytes=").rstrip("-"))
    if begin >= len(reply.body):
        return Reply(b"", 416)
    span = f"bytes {begin}-{len(reply.body) - 1}/{len(reply.body)}"
    return Reply(reply.body[begin:], 206, {**reply.headers, "Content-Range": span})
