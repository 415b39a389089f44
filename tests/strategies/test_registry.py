"""Strategies by name, module and file: what loads, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from deleverage.errors import UnknownName, UsageError
from deleverage.strategies import registry
from deleverage.strategies.base import PerpetualStrategy
from deleverage.strategies.level_reclaim import LevelReclaim
from tests.markets import make_columns
from tests.strategies.runs import run

SHIPPED = ("breakdown", "buy_and_hold", "cascade_exhaustion", "level_reclaim", "random_entry",
           "scenario_tree")

PLAIN = """\
import backtrader as bt


class Mine(bt.Strategy):
    params = (("length", 20),)

    def next(self):
        if not self.position:
            self.buy()
"""


def written(folder: Path, text: str, name: str = "my_own.py") -> str:
    """A strategy file outside the project."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_shipped_names() -> None:
    """The files of strategies/ are the names; plumbing is not among them."""
    assert set(SHIPPED) <= set(registry.names())
    assert not {"base", "exits", "registry"} & set(registry.names())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_strategies_describe_themselves(name: str) -> None:
    """Each loads, derives from backtrader, has a stop, a target and a time exit among its
    parameters and a first line to be listed with."""
    cls = registry.load(name)
    info = next(info for info in registry.describe() if info.name == name)
    assert issubclass(cls, bt.Strategy)
    assert info.summary
    assert "hold" in info.parameters
    assert {"stop", "stop_bp"} & set(info.parameters)
    assert {"target", "r_multiple"} & set(info.parameters)


def test_three_ways_to_one_class(tmp_path: Path) -> None:
    """A name, module:Class and a file's class are all strategies; equal references, equal class."""
    assert registry.load("level_reclaim") is LevelReclaim
    assert registry.load("deleverage.strategies.level_reclaim:LevelReclaim") is LevelReclaim
    mine = registry.load(written(tmp_path, PLAIN) + ":Mine")
    assert mine.__name__ == "Mine"
    assert registry.load(str(tmp_path / "my_own.py")) is mine


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A notebook user edits his file and loads it again."""
    import os

    path = written(tmp_path, PLAIN)
    first = registry.load(path)
    written(tmp_path, PLAIN.replace("20", "30"))
    os.utime(path, ns=(1, 1))
    assert registry.load(path) is not first
    assert registry.load(path).params.length == 30


@pytest.mark.parametrize(("ref", "error", "message"), [
    ("level_reclam", UnknownName, "did you mean 'level_reclaim'"),
    ("base", UnknownName, "unknown strategy 'base'"),
    ("strategies.level_reclaim:LevelReclaim", UsageError,
     "'deleverage.strategies.level_reclaim:LevelReclaim'"),
    ("strategies.x:Y", UsageError, "the installed name is 'deleverage.strategies.x:Y'"),
    ("deleverage.strategies.level_reclaim:LevelReclam", UnknownName,
     "did you mean 'LevelReclaim'"),
    ("deleverage.strategies.level_reclam:LevelReclaim", UnknownName,
     "did you mean 'deleverage.strategies.level_reclaim'"),
    ("nowhere.at_all:Y", UnknownName, "no module 'nowhere.at_all'"),
    ("json:dumps", UsageError, "must derive from bt.Strategy"),
    ("json:Nothing", UsageError, "no class there derives from bt.Strategy"),
    ("deleverage.strategies", UsageError, "expected a name, module:Class or file.py:Class"),
    ("no/such/file.py:Mine", UsageError, "no strategy file 'no/such/file.py'"),
])
def test_references_that_name_nothing(ref: str, error: type[Exception], message: str) -> None:
    """Each mistake is told in one line, with the near miss where there is one."""
    with pytest.raises(error) as caught:
        registry.load(ref)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "ref", "message"), [
    ("class Mine:\n    pass\n", ":Mine", "'Mine' in {path} is not a strategy"),
    ("x = 1\n", "", "no strategy in {path}"),
    (PLAIN, ":Mien", "did you mean 'Mine'"),
    (PLAIN + "\n\nclass Other(Mine):\n    pass\n", "", "{path}:Mine, {path}:Other"),
    ("import backtrader\n1 / 0\n", ":Mine", "my_own.py does not import: line 2: ZeroDivision"),
    ("def broken(:\n", ":Mine", "my_own.py does not import: line 1: invalid syntax"),
    ("import not_installed_anywhere\n", ":Mine", "line 1: ModuleNotFoundError"),
])
def test_files_that_do_not_load(tmp_path: Path, text: str, ref: str, message: str) -> None:
    """Missing, misspelt, ambiguous and broken classes say so, with the line where there is one."""
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        registry.load(path + ref)
    assert message.format(path=path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A misspelt file name is told the file that is there."""
    written(tmp_path, PLAIN)
    with pytest.raises(UsageError, match=r"did you mean 'my_own\.py'"):
        registry.load(str(tmp_path / "my_wn.py") + ":Mine")


def test_a_file_dropped_into_the_folder_is_a_name(tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in strategies/ is found by its file name, without being registered."""
    from deleverage import strategies

    written(tmp_path, PLAIN, "dropped_in.py")
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    assert "dropped_in" in registry.names()
    assert registry.load("dropped_in").__name__ == "Mine"


@pytest.mark.parametrize(("name", "given", "read"), [
    ("n_closes", "5", 5), ("n_closes", 5.0, 5), ("buffer_bp", "12.5", 12.5), ("buffer_bp", 3, 3.0),
    ("arm", "wick", "wick"), ("levels", (2350, "2750-2800", 3000), "2350,2750-2800,3000"),
    ("levels", 2350, "2350"), ("hold", "none", "none"), ("hold", None, None),
])
def test_values_take_the_type_of_the_default(name: str, given: Any, read: Any) -> None:
    """Text and numbers become what the parameter is; split comma lists are put together again."""
    found = registry.check_parameters(LevelReclaim, {name: given})
    assert found == {name: read}
    assert type(found[name]) is type(read)


class Sorts(bt.Strategy):
    """Parameters of every sort."""

    params = (("flag", False), ("many", ()), ("maybe", None))


@pytest.mark.parametrize(("name", "given", "read"), [
    ("flag", "yes", True), ("flag", "0", False), ("flag", True, True), ("many", "1,2.5,x",
     (1, 2.5, "x")), ("many", [1, 2], (1, 2)), ("many", 7, (7,)), ("maybe", "none", None),
    ("maybe", "3", 3), ("maybe", "0.5", 0.5), ("maybe", "true", True), ("maybe", "24h", "24h"),
])
def test_text_of_other_sorts(name: str, given: Any, read: Any) -> None:
    """Flags, lists and parameters without a default of their own; on plain strategies too."""
    assert registry.check_parameters(Sorts, {name: given}) == {name: read}


@pytest.mark.parametrize(("cls", "name", "given", "message"), [
    (LevelReclaim, "n_closes", "many", "n_closes must be a whole number"),
    (LevelReclaim, "n_closes", 2.5, "n_closes must be a whole number"),
    (LevelReclaim, "n_closes", True, "n_closes must be a whole number"),
    (LevelReclaim, "buffer_bp", "wide", "buffer_bp must be a number"),
    (Sorts, "flag", "perhaps", "flag must be true or false"),
    (Sorts, "flag", 1, "flag must be true or false"),
])
def test_values_that_cannot_be(cls: type[bt.Strategy], name: str, given: Any,
                               message: str) -> None:
    """A value of the wrong sort names the parameter, what it must be and what was found."""
    with pytest.raises(UsageError, match=message):
        registry.check_parameters(cls, {name: given})


def test_misspelt_parameter() -> None:
    """The nearest parameter is named."""
    with pytest.raises(UnknownName, match="unknown parameter of LevelReclaim 'n_close'; did you"):
        registry.check_parameters(LevelReclaim, {"n_close": 3})


def test_misspelt_parameters_are_refused() -> None:
    """backtrader lets a misspelt parameter pass to the constructor; the base names the near miss,
    whether or not a subclass has its own __init__."""
    class Plain(PerpetualStrategy):
        params: Any = (("length", 3),)

    market = make_columns([3_000.0] * 5)

    with pytest.raises(UnknownName, match="did you mean 'hold'"):
        run(LevelReclaim, market, hol="3h")
    with pytest.raises(UnknownName, match="unknown parameter of Plain 'lenght'; did you mean"):
        run(Plain, market, lenght=3)


def test_text_parameters_are_read() -> None:
    """Text takes the type of the default, also without a command line between."""
    assert run(LevelReclaim, make_columns([3_000.0] * 5), n_closes="4").p.n_closes == 4
