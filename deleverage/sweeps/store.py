"""Where the outcomes of a sweep are kept while it runs, so that nothing is run twice.

A sweep asks its store before it runs a combination and tells it afterwards. A store that outlives
the process makes a sweep one that can be killed and resumed, and knows every combination that was
ever tried; the one here lives as long as the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from deleverage.sweeps.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Key:
    """All that decides what a run yields: its specification, the data's content and the code.

    ``spec`` is :meth:`RunSpec.key`, ``data`` the dataset's sha256, ``code`` the version of this
    software with a hash of the strategy's file.
    """

    spec: str
    data: str
    code: str


class Store(Protocol):
    """What a sweep needs of a store; called by one process, one call at a time."""

    def get(self, key: Key) -> Outcome | None:
        """The outcome kept under ``key``, failures included; None where there is none."""

    def put(self, key: Key, outcome: Outcome) -> None:
        """Keep an outcome, in place of an earlier one."""


@dataclass
class MemoryStore:
    """Outcomes in memory; pass one to several sweeps and what they share is run once."""

    outcomes: dict[Key, Outcome] = field(default_factory=dict)

    def get(self, key: Key) -> Outcome | None:
        """The outcome kept under ``key``."""
        return self.outcomes.get(key)

    def put(self, key: Key, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.outcomes[key] = outcome
