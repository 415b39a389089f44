"""A wrong formula for scripts/mutate_rules.py: one text of a shipped file and its slip.

Named after what somebody gets wrong, several after defects of other engines. ``old`` must stand in
its file exactly once, so that a change of the file that outdates a mutation is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """``old`` becomes ``new`` in one file."""

    name: str
    file: str
    old: str
    new: str
