"""hftbacktest: recognised, and no input.

Its events (``.npz``) and its collector's raw lines (``<local ns> {…}``) hold depth and trades; it
has no event of a liquidation, of funding or of open interest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deleverage.feeds.readers.protocol import Log, Piece, Request, not_an_input

_LINE = re.compile(rb"^\d{19} \{")


class HftBacktest:
    """Names hftbacktest's files (see the module's text)."""

    name = "hftbacktest"
    about = "hftbacktest's files, which hold depth and trades: recognised, no input"
    provider = "hftbacktest"
    gives: tuple[str, ...] = ()
    version = 1

    def kind(self, path: Path, head: bytes) -> str | None:
        """A raw line begins with 19 digits and an object; events are an npz."""
        if _LINE.match(head):
            return "hftbacktest collector lines"
        if path.suffix == ".npz" and head.startswith(b"\x93NUMPY"):
            return "hftbacktest events"
        return None

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """Raises NotAnInput."""
        from deleverage.feeds.archives import head

        raise not_an_input(path, self.kind(path, head(path)) or "no file of hftbacktest")
        yield  # an iterator, as the protocol wants


READER = HftBacktest()
