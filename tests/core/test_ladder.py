"""Maintenance ladders: what is refused and in which words, how old one is, files of one's own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DataError, LadderError
from deleverage.timestamps import parse
from deleverage.venues import ladder_file as ladders
from deleverage.venues.ladder import Bracket, Ladder, LadderUse
from tests.core.desks import ETH, make_ladder

GOOD: list[list[float | None]] = [
    [0, 50_000, 0.004, 125, 0], [50_000, 600_000, 0.005, 100, 50], [600_000, None, 0.0065, 75, 950]]


def with_cell(row: int, column: int, value: Any) -> dict[str, Any]:
    """The good ladder with one value replaced."""
    rows: list[list[Any]] = [list(each) for each in GOOD]
    rows[row][column] = value
    return {"id": "mine", "rows": rows}


def one_line(error: Exception) -> str:
    """The message, which must be a single line."""
    text = str(error)
    assert text
    assert "\n" not in text
    return text


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(("raw", "says"), [
    (with_cell(1, 0, 60_000), "gap between row 1 (to 50000) and row 2 (from 60000)"),
    (with_cell(1, 0, 40_000), "overlap between row 1 (to 50000) and row 2 (from 40000)"),
    (with_cell(2, 2, 0.0045), "row 3: rate falls from 0.005 to 0.0045"),
    (with_cell(2, 4, 900), "row 3: amount 900 makes maintenance jump (expected 950)"),
    (with_cell(2, 4, math.nan), "row 3"),
    (with_cell(0, 4, 10), "row 1: amount 10 makes maintenance jump (expected 0)"),
    (with_cell(0, 0, 1_000), "row 1 must start at 0"),
    (with_cell(0, 2, 0), "row 1 needs 0 < rate < 1"),
    (with_cell(1, 2, math.nan), "row 2 needs 0 < rate < 1"),
    (with_cell(1, 2, 50), "row 2 needs 0 < rate < 1"),
    (with_cell(1, 1, 50_000), "row 2 needs"),
    (with_cell(1, 3, 0.5), "max_leverage 0.5 is below 1"),
    (with_cell(1, 3, math.nan), "row 2: max_leverage"),
    (with_cell(1, 2, "half"), "row 2 holds something that is not a number"),
    (with_cell(1, 2, None), "row 2 holds something that is not a number"),
    ({"id": "mine", "rows": []}, "no rows"),
    ({"id": "mine"}, "no rows"),
    ({"id": "mine", "rows": 5}, "rows"),
    ({"id": "mine", "rows": [[0, None, 0.004]]}, "row 1 must have 5 values"),
    ({"id": "mine", "rows": [7]}, "row 1 must have 5 values"),
    ({"id": "mine", "columns": ["min_notional", "mmr"], "rows": GOOD}, "columns must contain"),
    ({"columns": ["min_notional", "max_notional", "mmr", "max_levrage", "amount"], "rows": GOOD},
     "unknown column 'max_levrage'; did you mean 'max_leverage'?"),
    ({"id": "mine", "columns": 3, "rows": GOOD}, "columns"),
    ({"id": "mine", "rows": GOOD, "observed": "last week"}, "last week"),
])
def test_a_ladder_that_cannot_be_one_is_refused(raw: dict[str, Any], says: str) -> None:
    """Each fault is one line that names the file, the row and what was expected."""
    with pytest.raises(LadderError) as caught:
        ladders.from_mapping(raw, where="mine.json")
    text = one_line(caught.value)
    assert "mine.json" in text
    assert says in text


def test_a_ladder_made_by_hand_is_checked_too() -> None:
    """The same rules hold for an object: no brackets, or a first one that starts above zero."""
    with pytest.raises(LadderError, match="no rows"):
        Ladder("x", "", ETH, (), None, "user")
    with pytest.raises(LadderError, match="start at 0"):
        Ladder("x", "", ETH, (Bracket(5, math.inf, 0.01, 0, 10),), None, "user")


def test_amounts_follow_from_the_rates() -> None:
    """amount = the one below + bound × step of the rate: 0, 50, 950 for Binance's first rows."""
    ladder = make_ladder((0, 50_000, 0.004), (50_000, 600_000, 0.005), (600_000, None, 0.0065))
    assert [rung.amount for rung in ladder.brackets] == pytest.approx([0, 50, 950])


def test_a_notional_on_a_bound_belongs_to_the_lower_bracket() -> None:
    """50,000 is still in the first bracket, the next number up in the second."""
    ladder = ladders.from_mapping({"rows": GOOD}, where="x")
    assert ladder.bracket(0).rate == 0.004
    assert ladder.bracket(50_000).rate == 0.004
    assert ladder.bracket(math.nextafter(50_000, math.inf)).rate == 0.005


def test_above_the_last_bound_the_last_bracket_holds() -> None:
    """A ladder that ends keeps its last rate for anything larger."""
    ladder = make_ladder((0, 50_000, 0.004), (50_000, 100_000, 0.01))
    assert ladder.bracket(1e9).rate == 0.01


# ------------------------------------------------------------------ states


@pytest.mark.parametrize(("observed", "confidence", "at", "state", "assumed"), [
    ("2026-01-01", "venue_reply_copied", "2026-01-31", "dated", False),
    ("2025-08-04", "venue_reply_copied", "2026-01-31", "dated", False),
    ("2025-08-03", "published_copy", "2026-01-31", "older than 180 days", False),
    (None, "published_copy", "2026-01-31", "undated or unverified", True),
    ("2026-01-01", "unverified", "2026-01-31", "undated or unverified", True),
    ("2026-01-01", "doc_sample", "2026-01-31", "undated or unverified", True),
    ("2026-02-01", "venue_reply_copied", "2026-01-31", "nearest later", True),
    (None, "user", "2026-01-31", "given", False),
    ("2026-02-01", "user", "2026-01-31", "given", False),
])
def test_how_far_a_ladder_is_trusted(
    observed: str | None, confidence: str, at: str, state: str, assumed: bool
) -> None:
    """Age and confidence decide the state, and whether using it is a declared assumption."""
    use = LadderUse(make_ladder((0, None, 0.004), observed=observed, confidence=confidence),
                    parse(at))
    assert use.state == state
    assert use.assumed is assumed
    line = use.describe()
    assert "\n" not in line
    # "undated" or "unverified" is said once, by the date or the confidence
    assert (state in line) is (state != "undated or unverified")
    assert line.startswith("ASSUMED") is assumed


def test_a_description_names_age_and_confidence() -> None:
    """One line: id, date of observation, age in days, confidence, state."""
    made = make_ladder((0, None, 0.004), observed="2024-10-24", confidence="venue_reply_copied")
    assert LadderUse(made, parse("2026-01-31")).describe() == \
        "test (observed 2024-10-24, 464 days old, venue_reply_copied, older than 180 days)"
    assert "1 days LATER" in LadderUse(made, parse("2024-10-23")).describe()


# ------------------------------------------------------------------ one's own files


def test_a_json_file_is_read(tmp_path: Path) -> None:
    """Rows in the default columns suffice; the ladder is the user's and its bytes are hashed."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"id": "mine", "observed": "2026-01-30", "rows": GOOD}))
    ladder = ladders.read(path)
    assert (ladder.id, ladder.observed, ladder.confidence) == ("mine", "2026-01-30", "user")
    assert ladder.brackets[2] == Bracket(600_000, math.inf, 0.0065, 950, 75)
    assert len(ladder.sha256) == 64
    path.write_text(json.dumps([{"id": "mine", "rows": GOOD}]))
    assert ladders.read(path).brackets == ladder.brackets


def test_a_toml_file_is_read(tmp_path: Path) -> None:
    """TOML has no null: inf is the open end, and amounts may be left out."""
    path = tmp_path / "mine.toml"
    path.write_text('observed = 2026-01-30\n'
                    'columns = ["min_notional", "max_notional", "mmr", "max_leverage"]\n'
                    'rows = [[0, 50000, 0.004, 125], [50000, inf, 0.005, 100]]\n')
    ladder = ladders.read(path)
    assert ladder.id == "mine.toml"
    assert ladder.observed == "2026-01-30"
    assert [rung.amount for rung in ladder.brackets] == pytest.approx([0, 50])
    assert ladder.brackets[-1].upper == math.inf


@pytest.mark.parametrize(("name", "text", "says"), [
    ("a.json", "{", "not readable as .json"),
    ("a.json", "", "not readable as .json"),
    ("a.json", '"rows"', "expected one object with 'rows'"),
    ("a.json", "[]", "expected one object with 'rows'"),
    ("a.toml", "rows = [", "not readable as .toml"),
    ("a.yaml", json.dumps({"rows": GOOD}), ".json or .toml"),
    ("a", json.dumps({"rows": GOOD}), ".json or .toml"),
])
def test_a_file_that_is_no_ladder_is_refused(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    """One line that names the file and what was expected of it."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LadderError) as caught:
        ladders.read(path)
    assert says in one_line(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The operating system's words, with the path."""
    with pytest.raises(DataError, match=r"nowhere\.json: No such file"):
        ladders.read(tmp_path / "nowhere.json")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A binary file is not readable, in one line."""
    for name in ("a.json", "a.toml"):
        path = tmp_path / name
        path.write_bytes(b"\xff\xfe\x00PK")
        with pytest.raises(LadderError, match="not readable"):
            ladders.read(path)
