"""Vendors' servers, found by their modules: what is free, downloaded into datasets."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from deleverage.errors import unknown_name
from deleverage.feeds.fetching.source import Source

# providers of sources that give no bars, as coverage names them
PROVIDERS = {"cryptohftdata": "CryptoHFTData", "tardis": "Tardis", "coinalyze": "Coinalyze"}


@cache
def _sources() -> dict[str, Source]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    sources = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in sorted(sources, key=lambda source: source.name)}


def names() -> tuple[str, ...]:
    """All sources, as the command line calls them."""
    return tuple(_sources())


def get(name: str) -> Source:
    """The source called ``name``; UnknownName with the near miss otherwise."""
    if name not in _sources():
        raise unknown_name("source", name, names())
    return _sources()[name]
