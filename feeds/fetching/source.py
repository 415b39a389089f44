"""What a source is, and the ways in which its files and answers are taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from deleverage.errors import DataError
from deleverage.feeds import archives
from deleverage.feeds.fetching.answers import Answer, Unexpected, is_html
from deleverage.feeds.fetching.http import Client
from deleverage.feeds.fetching.plan import Item, Plan
from deleverage.feeds.fetching.store import Store

T = TypeVar("T")
INSISTS = 3  # times that an answer other than documented is asked for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: an instrument as its venue writes it, [start, end) in ns. ``now_ns`` is
    when; nothing later is there yet."""

    symbol: str
    start_ns: int
    end_ns: int
    now_ns: int
    allow_bad_checksum: bool = False


class Source(Protocol):
    """One vendor's server, one module. ``paces`` are seconds between two requests to each host, as
    documented; ``key`` the environment variable of its key, if it has one."""

    name: str
    about: str
    paces: Mapping[str, float]
    key: str | None

    def plan(self, wanted: Wanted, client: Client) -> Plan:
        """What a fetch of ``wanted`` would do; asks the server for listings only."""

    def fetch(self, item: Item, store: Store, client: Client, wanted: Wanted) -> bool:
        """Put ``item`` into ``store``. False where the server has no such thing (yet)."""


def taken(item: Item, store: Store, client: Client, ask: Callable[[], Answer],
          content: Callable[[Answer], bytes], final: bool = True) -> None:
    """The answer of ``ask`` as the file of ``item``, after ``content`` has judged it.

    ``content`` raises Unexpected for an answer other than documented: it is asked for again, and
    in the end kept beside the dataset and named.
    """
    def once() -> tuple[bytes, str]:
        answer = ask()
        return content(answer), answer.url
    body, url = insisted(item, store, client, once)
    store.write(item.path, body, url, final)


def insisted(item: Item, store: Store, client: Client, once: Callable[[], T]) -> T:
    """What ``once`` gives; after so many unexpected answers a DataError that names the last one."""
    try:
        return asked_again(client, once)
    except Unexpected as error:
        kept = store.aside(item.path, error.body)
        raise DataError(f"{error} (what came is kept as {kept})") from None


def asked_again(client: Client, once: Callable[[], T]) -> T:
    """What ``once`` gives, which may be an unexpected answer a few times."""
    for _ in range(INSISTS - 1):
        try:
            return once()
        except Unexpected:
            client.pause()
    return once()


def not_the_same(draft: Path, item: Item, store: Store, rows: int) -> None:
    """Unexpected where ``draft`` is, byte for byte, another file that is there: a server that sent
    an object twice. Files without rows are alike."""
    other = store.same_as(draft, item.path)
    if rows and other is not None:
        raise Unexpected(f"{item.url}: is the same file as {other}", draft.read_bytes()[:1 << 20])


def document(answer: Answer) -> Any:
    """An answer as JSON; Unexpected where it is none."""
    try:
        return json.loads(answer.body)
    except ValueError:
        start = answer.body[:60].decode("utf-8", "replace")
        raise Unexpected(f"{answer.url}: no JSON but {start!r}", answer.body) from None


def sound(path: Path, magic: tuple[bytes, ...], url: str) -> None:
    """Unexpected unless ``path`` begins as one of ``magic`` and unpacks to its end."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if is_html(start):
        raise Unexpected(f"{url}: a page of HTML instead of data (a proxy or sign-in page?)",
                         path.read_bytes()[:1 << 20])
    if not start.startswith(magic):
        raise Unexpected(f"{url}: not the kind of file that is documented, begins with "
                         f"{start[:40]!r}", path.read_bytes()[:1 << 20])
    try:
        with archives.opened(path) as stream:
            begins = stream.read(4)
            ends = begins
            while piece := stream.read(1 << 20):
                ends = (ends + piece)[-4:]
    except (DataError, pa.ArrowException) as error:
        raise Unexpected(f"{url}: {error}", path.read_bytes()[:1 << 20]) from None
    if begins == b"PAR1" and ends != b"PAR1":
        raise Unexpected(f"{url}: a Parquet file without its end", path.read_bytes()[:1 << 20])
