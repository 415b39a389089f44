"""What stands beside a result is saved with it, read back whole, and never outlives it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from deleverage.beside import (
    FILE,
    Baseline,
    CapacityRow,
    Compared,
    Outcome,
    Rerun,
    Shadow,
)
from deleverage.errors import DataError, UsageError
from tests.tearsheet import sheets


def outcome(name: str = "a run", net: float = -12.5) -> Outcome:
    return Outcome(name, net, net / 10_000, 0.25, 3, 1, 200.0)


def compared(**more: Any) -> Compared:
    """A result with one of everything beside it."""
    own = sheets.result(net=-500.0)
    return Compared(own, **{
        "baseline": Baseline("level_reclaim", -0.05, (outcome("seed 0"), outcome("seed 1", 7.0))),
        "reruns": (Rerun("orders one bar later", outcome("orders one bar later")),
                   Rerun("the next stricter venue", None, "no known venue asks more")),
        "capacity": (CapacityRow(10_000.0, 5_000.0, outcome(), "by volume", 12.0, 3.5, 0.125, 2,
                                 "margin"),
                     CapacityRow(2e6, 1e6, None, "by volume", why="the data has no volume")),
        "shadow": Shadow(outcome("shadow: no liquidation", 7_760.0), -9_424.0, 17_760.0), **more})


def test_round_trip(tmp_path: Path) -> None:
    """Random entries, re-runs, capacity and shadow come back equal with the result they are of."""
    made = compared()
    again = Compared.load(made.save(tmp_path / "run"))
    assert (again.baseline, again.reruns, again.capacity, again.shadow) == (
        made.baseline, made.reruns, made.capacity, made.shadow)
    assert again.result.as_dict() == made.result.as_dict()


def test_nothing_beside_a_result_is_nothing_when_loaded(tmp_path: Path) -> None:
    """A result saved alone, or with nothing beside it, has nothing beside it."""
    alone = sheets.result()
    alone.save(tmp_path / "alone")
    Compared(alone).save(tmp_path / "bare")
    for name in ("alone", "bare"):
        found = Compared.load(tmp_path / name)
        assert (found.baseline, found.reruns, found.capacity, found.shadow) == (None, (), (), None)


def test_a_stale_file_does_not_survive(tmp_path: Path) -> None:
    """Saving another run over a folder leaves nothing of what stood beside the first, whether the
    second has something beside it or is saved alone."""
    folder = compared().save(tmp_path / "run")
    Compared(sheets.result("buy_and_hold")).save(folder)
    assert Compared.load(folder).baseline is None
    compared().save(folder)
    (folder / "random_entry.json").write_text("{}")  # of an earlier version
    sheets.result("buy_and_hold").save(folder)
    assert not (folder / FILE).exists()
    assert not (folder / "random_entry.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_was_made_of_another_run_is_refused(tmp_path: Path) -> None:
    """A file copied from beside another result is refused by its path."""
    one = compared().save(tmp_path / "one")
    other = sheets.result("buy_and_hold").save(tmp_path / "other")
    (other / FILE).write_bytes((one / FILE).read_bytes())
    with pytest.raises(DataError, match=r"beside\.json: stands beside a result of another run"):
        Compared.load(other)


def test_a_failed_save_leaves_the_earlier_one(tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing breaks half way, result and what stands beside it are still the earlier ones."""
    folder = compared().save(tmp_path / "run")
    before = (folder / FILE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        compared(baseline=None).save(folder)
    assert (folder / FILE).read_bytes() == before
    assert Compared.load(folder).baseline is not None
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with other files is not written to."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UsageError, match="holds other files"):
        compared().save(tmp_path / "thesis")


def test_a_figure_that_is_none_stays_none(tmp_path: Path) -> None:
    """NaN is null in the file, which any JSON reader takes, and NaN again when read."""
    odd = compared(shadow=Shadow(outcome(net=math.nan), -1.0, math.inf))
    folder = odd.save(tmp_path / "run")
    assert "NaN" not in (folder / FILE).read_text("utf-8")
    found = Compared.load(folder).shadow
    assert found is not None
    assert math.isnan(found.outcome.net)
    assert math.isnan(found.end)


@pytest.mark.parametrize(("damage", "said"), [
    (lambda raw: raw.update(schema=99), "of schema 99; this version reads schema 1"),
    (lambda raw: raw.pop("shadow"), "damaged: 'shadow' is missing"),
    (lambda raw: raw["baseline"].pop("own"), "damaged: 'own'"),
    (lambda raw: raw["reruns"][0].update(extra=1), "damaged: Rerun has no 'extra'"),
    (lambda raw: raw["reruns"][0]["outcome"].update(net="much"), "Outcome.net is 'much'"),
    (lambda raw: raw["capacity"][0].update(rejections=1.5), "CapacityRow.rejections is 1.5"),
    (lambda raw: raw["baseline"].update(outcomes=7), "damaged: 'int' object is not iterable"),
    (lambda raw: raw.update(reruns=None), "damaged: 'NoneType' object is not iterable"),
    (lambda raw: raw.update(shadow=[1]), r"damaged: Shadow is \[1\]"),
])
def test_a_damaged_file_says_what_is_wrong(tmp_path: Path, damage: Any, said: str) -> None:
    """One clear line with the file's path for every kind of damage."""
    folder = compared().save(tmp_path / "run")
    raw = json.loads((folder / FILE).read_text("utf-8"))
    damage(raw)
    (folder / FILE).write_text(json.dumps(raw), "utf-8")
    with pytest.raises(DataError, match=rf"run.beside\.json: .*{said}"):
        Compared.load(folder)


@pytest.mark.parametrize("content", [b"{\"schema\": 1, ", b"\xff\xfe", b""])
def test_a_file_that_is_no_json_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    """Half a file, another encoding, an empty file."""
    folder = compared().save(tmp_path / "run")
    (folder / FILE).write_bytes(content)
    with pytest.raises(DataError, match=r"beside\.json: not JSON"):
        Compared.load(folder)
