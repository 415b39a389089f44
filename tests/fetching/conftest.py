"""Servers of the loopback, and fetches against them that wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from deleverage.feeds.fetching.http import MIRROR, Client, Patience
from tests.fetching import vendors
from tests.fetching.loopback import Loopback, Vendor, served

HASTE = Patience(connect=2.0, silence=0.4, answer=3.0, tries=6, first_wait=0.01, longest_wait=0.02,
                 longest_asked=5.0)

Serve = Callable[..., Loopback]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server and points the client at it; all are stopped at the end."""
    for name in ("TARDIS_API_KEY", "COINALYZE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        def start(vendor: Vendor | None = None, faults: Mapping[int, str] | None = None,
                  skew: float = 0.0) -> Loopback:
            loopback = stack.enter_context(served(vendor or vendors.all_vendors(), faults, skew))
            monkeypatch.setenv(MIRROR, loopback.url)
            return loopback
        yield start


def hasty(secrets: tuple[str, ...] = ()) -> Client:
    """A client that gives up soon."""
    return Client(patience=HASTE, secrets=secrets)
