"""The strategy of the stress table on SYNTHETIC bars, and what the command refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deleverage.errors import DataError
from tests.broker.runs import Run, market, play, still
from tests.markets import make_columns, make_dataset
from tests.scripts.load import load

stress: Any = load("stress_table")
LADDER: Any = load("falling_ladder").FallingLadder
CALM = still(13)
FALL = (100.0, 100.0, 97.0, 97.0)  # 3 % under the highest price of the hour
AFTER = (97.0, 97.0, 97.0, 97.0)


def climb(*rows: Any) -> Run:
    """The strategy on bars that begin calm and fall once; three rungs of ten coins or so."""
    bars = market(*CALM, FALL, *rows, step="5m")
    return play(LADDER, bars, leverage=2)


def orders(run: Run) -> list[tuple[str, float]]:
    """Kind and price of every order sent, once each."""
    sent = {order.ref: (order.getordername(), round(order.created.price, 4))
            for order in run.strategy.seen}
    return list(sent.values())


class Seen(LADDER):  # type: ignore[misc]
    """The strategy, with what it hears kept."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def notify_order(self, order: Any) -> None:
        """Keep it."""
        self.seen.append(order)


def test_a_fall_is_answered_by_three_rungs_with_stop_and_target() -> None:
    """97 after 100: limits 0.5, 1.5 and 3 % below 97, each with 2.5 % under and 1.5 % over it."""
    run = play(Seen, market(*CALM, FALL, AFTER, step="5m"), leverage=2)
    rungs = [97 * (1 - share) for share in (0.005, 0.015, 0.03)]
    assert [price for kind, price in orders(run) if kind == "Stop"] == \
        pytest.approx([rung * 0.975 for rung in rungs], abs=0.01)
    limits = [price for kind, price in orders(run) if kind == "Limit"]
    assert limits[::2] == pytest.approx(rungs, abs=0.01)
    assert limits[1::2] == pytest.approx([rung * 1.015 for rung in rungs], abs=0.01)


def test_a_market_that_has_not_fallen_is_left_alone() -> None:
    """One that stands two bars over a fall of 1.9 % sends nothing."""
    run = play(LADDER, market(*CALM, (100, 100, 98.1, 98.1), *still(2, 98.1), step="5m"),
               leverage=2)
    assert run.journal.fills == []
    assert run.broker.book == {}


def test_a_rung_lives_half_an_hour() -> None:
    """A rung untouched for six bars is cancelled; a fall in the seventh meets no order."""
    dip = (97.0, 97.0, 96.0, 97.0)
    inside = climb(*[AFTER] * 5, dip)
    assert [round(fill.price, 2) for fill in inside.journal.fills[:1]] == [96.51]
    late = [AFTER] * 6
    assert climb(*late, dip).journal.fills == []


def test_what_is_held_after_two_hours_is_closed_at_the_market() -> None:
    """One rung fills and neither exit is met: 24 bars after the ladder was sent it is sold."""
    run = climb((97.0, 97.0, 96.4, 96.8), *still(30, 96.8))
    bought, sold = run.journal.fills[:2]
    assert (bought.reason, sold.reason) == ("limit", "market")
    assert sold.bar - (bought.bar - 1) == 24 + 1
    assert sold.size_after == 0


def test_the_outage_lies_at_the_lowest_price_of_the_day() -> None:
    """From the open of that bar, for ten minutes; a day that is not there is named."""
    rows = [*still(4), (100.0, 100.0, 90.0, 95.0), *still(4, 95)]
    columns = make_columns(rows, step="5m", start="2026-01-31T10:00")
    assert stress.at_the_low(columns, "2026-01-31") == ("2026-01-31T10:20:00",
                                                        "2026-01-31T10:30:00")
    with pytest.raises(DataError, match="the dataset has no bars of 2025-10-10"):
        stress.at_the_low(columns, "2025-10-10")


@pytest.mark.parametrize(("symbol", "start", "code", "words"), [
    (None, "", 3, "no such dataset folder"),
    ("ETHUSDT", "2026-01-31", 3, "the dataset has no bars of 2025-10-10"),
    ("BTCUSDT", "2025-10-09", 2, "unknown symbol")])
def test_the_command_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], symbol: str | None, start: str, code: int,
    words: str
) -> None:
    """A folder that is none, days that are not in it, another instrument."""
    if symbol is not None:
        # four months, so that only what is told is wrong with it
        make_dataset(tmp_path / "set", still(2_900), step="1h", start=start, symbol=symbol)
    assert stress.main([str(tmp_path / "set")]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert words in told.err
