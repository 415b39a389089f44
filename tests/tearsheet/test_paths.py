"""The page of two path policies: side by side, the list of partings, and the caution."""

from __future__ import annotations

from deleverage.beside import Compared
from deleverage.paths import Did, Parting
from deleverage.tearsheet import paths as paths_sheet
from deleverage.timestamps import MINUTE
from tests.tearsheet import sheets

STOP = Did("stop", "ETHUSDT", "sell", 1.5, 2_390.0, 0.0)
TARGET = Did("limit", "ETHUSDT", "sell", 1.5, 2_410.0, 0.0)
FORCED = Did("liquidation (market)", "ETHUSDT", "sell", 4.0, 2_262.0, 4.0)
FUNDING = Did("funding", "ETHUSDT", "long", 8.0, 2_300.0, 8.0)


def parting(number: int, *one: Did, other: tuple[Did, ...] = ()) -> Parting:
    return Parting(number, sheets.LOW + number * MINUTE, one, other, number == 0)


def page(*partings: Parting) -> str:
    rows = [Compared(sheets.result(net=net, warnings=("SYNTHETIC market", *own)))
            for net, own in ((-500.0, ("few",)), (300.0, ()))]
    return paths_sheet.render(rows, partings)


def test_both_runs_stand_side_by_side() -> None:
    """One column each under the policy's name, shared warnings once, own ones named, both scans."""
    sheet = page(parting(0, STOP, other=(TARGET,)))
    assert "path inside the bar adverse and favourable," in " ".join(sheet.split())
    (line,) = [row for row in sheet.splitlines() if row.startswith("return ")]
    assert line.split() == ["return", "-5.00", "%", "+3.00", "%"]
    assert sheet.count("SYNTHETIC market") == 1
    assert "! adverse: few" in sheet
    assert "\n1 adverse " in sheet
    assert "\n2 favourable " in sheet
    assert max(map(len, sheet.splitlines())) <= 120


def test_partings_tell_what_each_did() -> None:
    """The first is marked; fills with what is left, forced closes by stage, nothing as a dash; the
    caution says that these are no bounds."""
    sheet = paths_sheet.parting_list((parting(0, STOP, other=(TARGET,)),
                                          parting(1, FUNDING, FORCED)))
    assert "2 bars differ; ◄ the first. Two scenarios, not bounds:" in sheet
    assert "2026-01-31 18:41 ◄   stop: sell 1.5 at 2,390.00, flat" in sheet
    assert "limit: sell 1.5 at 2,410.00, flat" in sheet
    (row,) = [line for line in sheet.splitlines() if "funding on 8 long" in line]
    assert row.endswith("–")
    assert "liquidation (market): sell 4 at 2,262.00, 4 left" in " ".join(sheet.split())


def test_a_long_list_is_cut_with_its_count() -> None:
    """Twenty partings are shown and the rest counted; of one bar at most four deeds of each."""
    many = tuple(parting(number, *[STOP] * 6) for number in range(23))
    sheet = paths_sheet.parting_list(many)
    assert sheet.startswith("WHERE THEY PART\n23 bars differ")
    assert sheet.endswith("… 3 more in the JSON")
    assert sheet.count("… and 2 more") == 20


def test_runs_that_never_part() -> None:
    """Two policies may do the same all along: that is said, too."""
    assert paths_sheet.parting_list(()) == \
        "WHERE THEY PART\nnowhere: both did the same in every bar"
