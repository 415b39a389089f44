"""The cascade machine: its calls, its decisions and its honesty about missing data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deleverage.detectors import (
    CascadeConfig,
    CascadeEvent,
    CascadeMachine,
    CascadeState,
    Phase,
    cascade_events,
    readings,
)
from deleverage.errors import UsageError
from deleverage.timestamps import MINUTE

CALM = 1_500
COINS = 2_000_000.0

# readings in the middle of a cascade and long after one
HOT: dict[str, Any] = {"size": 1e9, "share": 1.0, "alarm": True, "intensity": 100.0,
                       "open_interest": COINS}
QUIET: dict[str, Any] = {"size": 0.0, "share": 0.0, "alarm": False, "intensity": 1.0,
                         "open_interest": COINS}


def market(waves: list[tuple[int, int, float]], bars: int = 4_000, *, flush: float = 0.05,
           seed: int = 3) -> dict[str, np.ndarray]:
    """SYNTHETIC: background liquidations, and waves (first bar, length, price after it)."""
    chance = np.random.default_rng(seed)
    amount = np.where(chance.random(bars) < 0.3, chance.lognormal(8.0, 1.0, bars), 0.0)
    price, coins, level = np.full(bars, 3_000.0), np.full(bars, COINS), 3_000.0
    for first, length, after in waves:
        amount[first:first + length] += 2e6
        price[first:first + length] = np.linspace(level, after, length)
        price[first + length:], level = after * 1.002, after
        coins[first:] = np.interp(np.arange(first, bars), [first, first + length],
                                  [coins[first], coins[first] * (1 - flush)])
    return {"low": np.round(price, 2), "amount": np.round(amount, 2), "open_interest": coins,
            "price": price}


def calls(market: dict[str, np.ndarray], config: CascadeConfig | None = None) -> list[CascadeEvent]:
    """Events of the array form."""
    return list(cascade_events(config or CascadeConfig(), **market))


def test_one_wave_starts_and_exhausts() -> None:
    """A wave of liquidations starts a cascade within minutes and is called exhausted K bars after
    its low, with the flush in coins and the low it made."""
    start, exhausted = calls(market([(CALM, 40, 2_700.0)]))
    assert (start.kind, exhausted.kind) == ("start", "exhausted")
    assert CALM < start.bar <= CALM + 10
    assert start.z > 5
    assert start.share > 0.0015
    assert exhausted.bar >= CALM + 39 + 60
    assert exhausted.low == 2_700.0
    assert exhausted.flush == pytest.approx(-0.05, abs=0.01)
    assert exhausted.confirmed


def test_streaming_calls_the_same_events() -> None:
    """push() bar by bar and the array form call equal events, in USD and in shares of the book."""
    data = market([(CALM, 40, 2_700.0), (CALM + 200, 30, 2_500.0)])
    for config in (CascadeConfig(), CascadeConfig.closing()):
        columns = dict(data)
        if config.of_book:
            columns["amount"] = data["amount"] / (COINS * data["price"])
        state = CascadeState(config)
        streamed = [state.push(*values) for values in zip(
            *(columns[name].tolist() for name in ("low", "amount", "open_interest", "price")),
            strict=True)]
        assert [event for event in streamed if event] == calls(columns, config)
    assert calls(data)


def test_fade_without_flush_is_not_confirmed() -> None:
    """A cascade that fades while positions stay open is exhausted but unconfirmed; flush=0
    switches the gate off."""
    data = market([(CALM, 40, 2_700.0)], flush=0.01)
    assert [event.confirmed for event in calls(data)] == [False, False]
    assert [event.confirmed for event in calls(data, CascadeConfig(flush=0.0))] == [False, True]


def test_falling_price_does_not_confirm() -> None:
    """Open interest in USD falls 10 % with the price; in coins nothing was flushed."""
    data = market([(CALM, 40, 2_700.0)], flush=0.0)
    usd = data["open_interest"] * data["price"]
    assert usd[-1] / usd[0] < 0.91
    exhausted = calls(data)[-1]
    assert exhausted.flush == 0.0
    assert not exhausted.confirmed


def test_second_wave_resumes_with_its_own_peak_and_the_old_start() -> None:
    """A new low with z on means the call was false: ``resume`` keeps the first open interest and
    measures decay against the second wave's own peak."""
    data = market([(CALM, 40, 2_700.0), (CALM + 200, 30, 2_500.0)])
    data["amount"][CALM + 200:CALM + 230] *= 0.5
    events = calls(data)
    assert [event.kind for event in events] == ["start", "exhausted", "resume", "exhausted"]
    assert events[3].low == 2_500.0
    assert events[3].flush == pytest.approx(0.95 * 0.95 - 1, abs=0.01)
    # against the first peak (2M a minute) a half wave would already look decayed at its end
    assert events[3].bar >= CALM + 200 + 29 + 60


def test_a_late_report_still_resumes() -> None:
    """The report of a new low may come after it: a z above z_on at any price below the low of the
    call resumes, with the lowest price since as the low; above that low it does not."""
    machine = CascadeMachine(CascadeConfig())
    assert machine.step(low=100.0, z=9.0, **HOT) is not None
    for _ in range(60):
        machine.step(low=101.0, z=0.0, **QUIET)
    assert machine.phase is Phase.COOL
    assert machine.step(low=100.5, z=9.0, **HOT) is None
    assert machine.step(low=95.0, z=1.0, **QUIET) is None
    assert machine.low == 100.0
    resume = machine.step(low=97.0, z=9.0, **HOT)
    assert resume is not None
    assert (resume.kind, resume.low) == ("resume", 95.0)


def test_cooling_ends_in_calm_only_when_z_is_low() -> None:
    """COOL lasts more than 240 bars and until z is below 2.5; an unknown z cannot end it."""
    machine = CascadeMachine(CascadeConfig())
    machine.step(100.0, 9.0, 1e9, 1.0, True, 100.0, COINS)
    for _ in range(60):
        machine.step(low=101.0, z=0.0, **QUIET)
    for z in [0.0] * 240 + [math.nan, 3.0]:
        machine.step(low=101.0, z=z, **QUIET)
    assert machine.phase is Phase.COOL
    machine.step(low=101.0, z=0.0, **QUIET)
    assert machine.phase is Phase.CALM


def test_hundred_dollars_on_a_silent_feed_start_nothing() -> None:
    """10,000 zero bars and then $100: z explodes, the share of the book keeps the machine calm."""
    amount = np.zeros(10_010)
    amount[10_000:] = 100.0
    coins, price = np.full(10_010, COINS), np.full(10_010, 3_000.0)
    assert readings(CascadeConfig(), amount, coins, price).z[10_001] > 5
    assert cascade_events(CascadeConfig(), price, amount, coins, price) == ()


def test_z_alone_is_refused() -> None:
    """A configuration whose only condition is z is refused, with the reason."""
    with pytest.raises(UsageError, match="two dollars"):
        CascadeConfig(share=0.0)
    assert CascadeConfig(share=0.0, size=1e6).size == 1e6


@pytest.mark.parametrize("field", ["decay", "share", "half_life"])
def test_nonsense_thresholds_are_refused(field: str) -> None:
    """Negative and non-finite thresholds are named."""
    for value in (-1.0, math.nan):
        changed: dict[str, Any] = {field: value}
        with pytest.raises(UsageError, match=field):
            replace(CascadeConfig(), **changed)


def test_unknown_liquidations_call_nothing() -> None:
    """Uncovered hours are not quiet hours: no start while unknown, no exhaustion from a gap."""
    data = market([(CALM, 40, 2_700.0)])
    data["amount"][CALM - 5:CALM + 45] = np.nan
    assert calls(data) == []
    data = market([(CALM, 40, 2_700.0)])
    data["amount"][CALM + 30:] = np.nan
    state = CascadeState()
    kinds = [event.kind for values in zip(*(data[name].tolist() for name in (
        "low", "amount", "open_interest", "price")), strict=True) if (event := state.push(*values))]
    assert kinds == ["start"]
    assert state.phase is Phase.CASCADE
    assert not state.has_data


def test_unknown_open_interest_starts_nothing_against_the_book() -> None:
    """Without open interest the share of the book is unknown; a size in USD still works, and its
    exhaustion stays unconfirmed."""
    data = market([(CALM, 40, 2_700.0)])
    data["open_interest"][:] = np.nan
    assert calls(data) == []
    by_size = calls(data, CascadeConfig(share=0.0, size=5e6))
    assert [event.kind for event in by_size] == ["start", "exhausted"]
    assert not by_size[-1].confirmed
    assert math.isnan(by_size[-1].flush)


def test_durations_carry_over_to_other_bars() -> None:
    """On five-minute bars every length is a fifth and the same wave gives the same calls."""
    five = CascadeConfig().for_step(5 * MINUTE)
    assert (five.quiet, five.fast, five.slow, five.warm_up) == (12, 3, 12, 144)
    assert five.half_life == 864.0
    assert five.cusum_threshold == 3.0
    data = market([(CALM, 40, 2_700.0)])
    rows = {name: column.reshape(-1, 5) for name, column in data.items()}
    coarse = {"low": rows["low"].min(axis=1), "amount": rows["amount"].sum(axis=1),
              "open_interest": rows["open_interest"][:, -1], "price": rows["price"][:, -1]}
    fine, rough = calls(data), calls(coarse, five)
    assert [event.kind for event in rough] == [event.kind for event in fine]
    for one, other in zip(fine, rough, strict=True):
        assert abs(other.bar * 5 - one.bar) <= 15


def test_short_data_calls_nothing() -> None:
    """Fewer bars than the warm-up give no event and no error, down to none at all."""
    for bars in (0, 1, 700):
        data = {name: column[:bars] for name, column in market([(CALM, 40, 2_700.0)]).items()}
        assert calls(data) == []
