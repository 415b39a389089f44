"""One small HTTP client: bounded in time and size, patient with servers, silent about keys.

Every wait has an end: connecting, the next byte, the whole answer, the tries. A server's
``Retry-After`` is obeyed (by its own clock, which need not be ours), other waits grow and are
jittered. Each host is asked at most as often as it documents. Redirects are not followed, so that
a key goes to its own host only.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deleverage.errors import UsageError
from deleverage.feeds.fetching.answers import (
    Again,
    Answer,
    Unexpected,
    Unreachable,
    judged,
    plain,
    told_time,
)

MIRROR = "DELEVERAGE_FETCH_MIRROR"  # reach https://HOST/PATH at MIRROR/HOST/PATH
NEEDS = "data fetch needs more packages: pip install 'deleverage[fetch]'"
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of all waiting, in seconds. ``tries`` counts the first one too."""

    connect: float = 10.0
    silence: float = 30.0  # between two pieces of an answer
    answer: float = 600.0  # from the request to the last byte
    tries: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_asked: float = 120.0  # a server's Retry-After beyond it ends the fetch


PATIENCE = Patience()


@dataclass(slots=True)
class Client:
    """Asks servers politely. ``paces`` maps a host to seconds between two requests to it.

    ``secrets`` are cut out of whatever an error says or keeps. A mirror (the environment's
    ``DELEVERAGE_FETCH_MIRROR``) stands for every host and is not paced: it is the user's own.
    """

    paces: Mapping[str, float] = field(default_factory=dict)
    patience: Patience = field(default_factory=lambda: PATIENCE)
    mirror: str | None = field(default_factory=lambda: os.environ.get(MIRROR) or None)
    secrets: tuple[str, ...] = ()
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    _last: dict[str, float] = field(default_factory=dict)
    _session: Any = None

    def get(self, url: str, params: Mapping[str, Any] | None = None,
            headers: Mapping[str, str] | None = None, limit: int = 64 << 20) -> Answer:
        """The whole answer to a GET (see :meth:`request`)."""
        return self.request("GET", url, params=params, headers=headers, limit=limit)

    def request(self, method: str, url: str, *, params: Mapping[str, Any] | None = None,
                headers: Mapping[str, str] | None = None, data: Any = None,
                limit: int = 64 << 20, taking: tuple[int, ...] = ()) -> Answer:
        """The whole answer, of at most ``limit`` bytes, tried again while a fault may pass.

        Answers of a status in ``taking`` are handed over as they are. Raises Absent for 404,
        Unreachable where the tries are used up, Unexpected for any other answer but 2xx and for a
        page of HTML.
        """
        def once() -> Answer:
            with self._opened(method, url, params, headers, data) as response:
                body = b"".join(self._pieces(response, limit, url))
                return self._judged(url, response, body, taking)
        return self._persistent(once, url)

    def download(self, url: str, path: Path, headers: Mapping[str, str] | None = None,
                 limit: int = 16 << 30) -> None:
        """The answer to a GET into ``path``, going on where an earlier try was cut.

        What is half there lies in ``path``.part with its ETag in ``path``.etag; without an ETag the
        file is begun again. Raises what :meth:`request` raises.
        """
        part, tag = path.with_name(path.name + ".part"), path.with_name(path.name + ".etag")
        self._persistent(lambda: self._go_on(url, part, tag, headers or {}, limit), url)
        os.replace(part, path)
        tag.unlink(missing_ok=True)

    def _go_on(self, url: str, part: Path, tag: Path, headers: Mapping[str, str],
               limit: int) -> None:
        there = part.stat().st_size if part.is_file() else 0
        known = tag.read_text() if tag.is_file() else ""
        asked = {"Accept-Encoding": "identity", **headers}
        if there and known:
            asked |= {"Range": f"bytes={there}-", "If-Range": known}
        with self._opened("GET", url, None, asked, None) as response:
            if response.status_code == 416:
                part.unlink(missing_ok=True)
                raise Again("the part that was there does not fit")
            if response.status_code not in (200, 206):
                self._judged(url, response, b"".join(self._pieces(response, 1 << 20, url)))
            begins = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
            goes_on = response.status_code == 206 and begins == str(there)
            if response.status_code == 206 and not goes_on:
                part.unlink(missing_ok=True)
                raise Again("a part of the file that was not asked for")
            etag = response.headers.get("ETag", "")
            if etag and not etag.startswith("W/") and not response.headers.get("Content-Encoding"):
                tag.write_text(etag)
            else:
                tag.unlink(missing_ok=True)
            with part.open("ab" if goes_on else "wb") as sink:
                for piece in self._pieces(response, limit, url):
                    sink.write(piece)
                sink.flush()
                os.fsync(sink.fileno())

    # -------------------------------------------------------------- one try

    @contextmanager
    def _opened(self, method: str, url: str, params: Any, headers: Any, data: Any) -> Iterator[Any]:
        """The response to one request, its body not yet read; faults that may pass as Again."""
        library, below = _library()
        self._paced(urlsplit(url).hostname or "")
        self.requests += 1
        if self._session is None:
            self._session = library.Session()
            self._session.headers["User-Agent"] = "deleverage (data fetch)"
        faults = library.exceptions
        try:
            with self._session.request(
                    method, self._place(url), params=params, headers=headers, data=data,
                    timeout=(self.patience.connect, self.patience.silence), stream=True,
                    allow_redirects=False) as response:
                yield response
        except (faults.InvalidURL, faults.InvalidSchema, faults.MissingSchema) as error:
            raise UsageError(f"{MIRROR}: {error}") from None
        except (faults.RequestException, below.HTTPError) as error:
            raise Again(plain(error)) from None

    def _place(self, url: str) -> str:
        parts = urlsplit(url)
        if self.mirror is None:
            return url
        query = f"?{parts.query}" if parts.query else ""
        return f"{self.mirror.rstrip('/')}/{parts.hostname}{parts.path}{query}"

    def _pieces(self, response: Any, limit: int, url: str) -> Iterator[bytes]:
        """The body piece by piece, within time and size."""
        begun, size = self.clock(), 0
        while piece := response.raw.read1(_CHUNK, decode_content=True):  # what is there, no more
            size += len(piece)
            if size > limit:
                raise Unexpected(f"{self.clean(url)}: answers with more than {limit:,} bytes")
            if self.clock() - begun > self.patience.answer:
                raise Again(f"the answer took more than {self.patience.answer:g} s")
            yield piece

    def _judged(self, url: str, response: Any, body: bytes,
                taking: tuple[int, ...] = ()) -> Answer:
        return judged(Answer(url, response.status_code, response.headers, self._scrubbed(body),
                             told_time(response.headers)), self.clean(url), taking)

    def _scrubbed(self, body: bytes) -> bytes:
        for secret in self.secrets:
            body = body.replace(secret.encode(), b"***")
        return body

    def clean(self, text: str) -> str:
        """``text`` without keys."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    # -------------------------------------------------------------- between tries

    def _persistent(self, once: Callable[[], Any], url: str) -> Any:
        for attempt in range(1, self.patience.tries + 1):
            try:
                return once()
            except Again as fault:
                wait = fault.wait
                if wait is not None and wait > self.patience.longest_asked:
                    raise Unreachable(f"{self.clean(url)}: {fault}, asks to wait {wait:,.0f} s: "
                                      "try again later") from None
                if attempt == self.patience.tries:
                    raise Unreachable(f"{self.clean(url)}: {self.clean(str(fault))} ({attempt} "
                                      "tries)") from None
                self.sleep(self._backoff(attempt) if wait is None else wait)
        raise AssertionError("no try was made")

    def close(self) -> None:
        """Let go of connections; the next request opens new ones."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def pause(self) -> None:
        """Wait as after a first fault: the server said in its own words that it was too much."""
        self.sleep(self._backoff(2))

    def _backoff(self, attempt: int) -> float:
        """Seconds before the next try: doubling, at most ``longest_wait``, the upper half drawn."""
        longest = min(self.patience.first_wait * 2 ** (attempt - 1), self.patience.longest_wait)
        return longest * (0.5 + random.random() / 2)

    def _paced(self, host: str) -> None:
        """Wait until ``host`` may be asked again."""
        pace = 0.0 if self.mirror else self.paces.get(host, 0.0)
        if pace and host in self._last:
            left = self._last[host] + pace - self.clock()
            if left > 0:
                self.sleep(left)
        self._last[host] = self.clock()


def _library() -> tuple[Any, Any]:
    try:
        import requests
        import urllib3.exceptions
    except ImportError:
        raise UsageError(NEEDS) from None
    return requests, urllib3.exceptions
