"""What servers say: answers, and the ways in which one is no answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from deleverage.errors import DataError

AGAIN = frozenset((408, 418, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))
_HTML = (b"<!doctype html", b"<html")


class Unreachable(DataError):
    """A host that did not answer within the tries and times allowed."""


class Absent(DataError):
    """The server says that there is no such thing (404)."""


class Unexpected(DataError):
    """An answer that is not what is documented; ``body`` is what came."""

    def __init__(self, text: str, body: bytes = b"") -> None:
        super().__init__(text)
        self.body = body


class Again(Exception):
    """A fault that may pass: why, and how long the server asked to wait (s, None: it did not)."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. ``asked_at`` is its own time (epoch s), ours where it tells none."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_at: float


def judged(answer: Answer, shown: str, taking: tuple[int, ...]) -> Answer:
    """``answer`` where it is one (2xx, or a status in ``taking``); ``shown`` is its address without
    keys. Raises Again where the fault may pass, Absent, else Unexpected."""
    status, headers, body = answer.status, answer.headers, answer.body
    if status in AGAIN:
        raise Again(f"HTTP {status}", asked_wait(headers))
    if status == 404:
        raise Absent(f"{shown}: HTTP 404, there is no such thing")
    if 300 <= status < 400:
        there = urlsplit(headers.get("Location", "")).hostname
        raise Unexpected(f"{shown}: HTTP {status}, points to {there} (a proxy or sign-in?)", body)
    if is_html(body):
        raise Unexpected(f"{shown}: HTTP {status} with a page of HTML instead of data (a proxy or "
                         "sign-in page?)", body)
    if status in (401, 403):
        raise Unexpected(f"{shown}: HTTP {status}, refused: {start(body)}", body)
    if status == 451:
        raise Unexpected(f"{shown}: HTTP 451, not served to where you are", body)
    if not 200 <= status < 300 and status not in taking:
        raise Unexpected(f"{shown}: HTTP {status}: {start(body)}", body)
    return answer


def is_html(body: bytes) -> bool:
    """Whether a body begins as a page of HTML does."""
    return body[:200].lstrip()[:15].lower().startswith(_HTML)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After; a date counts from the server's own Date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    with suppress(ValueError, TypeError):
        return max(parsedate_to_datetime(text).timestamp() - told_time(headers), 0.0)
    return None


def told_time(headers: Mapping[str, str]) -> float:
    """The server's time in its Date header, else ours."""
    with suppress(ValueError, TypeError):
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    return time.time()


def plain(error: Exception) -> str:
    """What went wrong, without addresses of objects and pools."""
    text = str(error)
    for words, said in (("Read timed out", "no answer in time"), ("timed out", "no connection in "
                         "time"), ("refused", "connection refused"), ("resolve", "host not found"),
                         ("Name or service", "host not found"), ("IncompleteRead", "cut off"),
                         ("reset", "connection cut"), ("closed connection", "connection cut"),
                         ("aborted", "connection cut"), ("certificate", "certificate refused")):
        if words in text:
            return said
    return type(error).__name__


def start(body: bytes) -> str:
    """The first bytes of a body, for a message."""
    return repr(body[:80].decode("utf-8", "replace"))
