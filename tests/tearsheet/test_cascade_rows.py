"""Which cascades a sheet has room for."""

from __future__ import annotations

from typing import Any

from deleverage.tearsheet import cascades as cascades_sheet
from deleverage.timestamps import HOUR


def row(number: int, size: float, trades: int = 0) -> dict[str, Any]:
    """One cascade's figures."""
    return {"number": number, "start_ns": number * HOUR, "end_ns": (number + 1) * HOUR,
            "ended": True, "size_usd": size, "size_share": None, "interest_change": -0.01,
            "low": 2_350.0, "low_ns": number * HOUR, "confirmed": True, "trades": [0] * trades,
            "entry_lag_h": 1.0, "mae": 0.01, "mfe": 0.02, "net": 5.0, "funding": 0.0,
            "slippage": -1.0, "liquidated": 0, "near_misses": 0,
            "survivable": {"q05": 9.0, "median": 9.0, "least": 9.0, "count": trades}}


def test_what_was_traded_is_shown_before_the_largest(monkeypatch: Any) -> None:
    """Of twenty cascades the smallest, which alone was traded, has its row; then the largest, in
    order of time."""
    monkeypatch.setattr(cascades_sheet, "survived", lambda figures: "9x")
    rows = [row(number, 1e6 * number, trades=number == 1) for number in range(1, 21)]
    text = cascades_sheet.cascades({
        "trigger": "liquidations", "missing": [], "count": 20, "rows": rows,
        "net_elsewhere": 0.0, "zones": []}, "USDT")
    shown = [int(line.split()[0]) for line in text.splitlines() if line[:1].isdigit()]
    assert shown == [1, *range(10, 21), 1]
    assert "Shown are those traded and the largest; 8 more in the JSON." in text
