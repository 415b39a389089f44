"""The parser: near misses, values, and the file of --config."""

from __future__ import annotations

from pathlib import Path

import pytest

from deleverage.cli.account import add_account, add_data, add_debug, add_market, specification
from deleverage.cli.arguments import Parser, assignment, with_config
from deleverage.cli.main import describe, entry
from deleverage.errors import DataError, UnknownName, UsageError


def _parser() -> Parser:
    parser = Parser(prog="deleverage run")
    parser.add_argument("--config")
    add_data(parser)
    add_account(parser)
    add_market(parser)
    add_debug(parser)
    return parser


@pytest.mark.parametrize(("words", "complaint"), [
    (["--levrage", "10"], r"unknown option '--levrage'; did you mean --leverage\?"),
    (["--lev", "10"], "unknown option '--lev'"),
    (["--margin-fracton=0.1"], "did you mean --margin-fraction"),
    (["extra"], "unknown argument 'extra'"),
    (["--leverage", "ten"], "--leverage: must be a number, found 'ten'"),
    (["--leverage"], "--leverage: expected one argument"),
    (["--set", "hold"], "takes name=value, found 'hold'"),
    (["--fees", "0.1"], "MAKER,TAKER"),
    (["--latency", "0.5"], "--latency: must be a whole number, found '0.5'"),
    (["--adl", "2026-01-31,short,0.5"], "TIME,SIDE,SHARE,PRICE"),
    (["--outages", "a/b"], "did you mean --outage"),
])
def test_a_misspelt_option_gets_its_near_miss(words: list[str], complaint: str) -> None:
    """Each complaint is a UsageError that names what was found and where help is."""
    with pytest.raises(UsageError, match=complaint) as caught:
        _parser().parse_args(words)
    assert "see `deleverage run --help`" in str(caught.value)


def test_a_parameter_is_split_at_its_first_sign() -> None:
    """--set keeps the value as text; the strategy's own default says how it is read."""
    assert assignment("levels=2350,2750-2800") == ("levels", "2350,2750-2800")
    assert assignment("note=a=b") == ("note", "a=b")


def test_only_options_that_were_given_reach_the_specification() -> None:
    """Nothing is defaulted twice: an option that was not typed is left to RunSpec."""
    options = _parser().parse_args(["--data", "risk", "--strategy", "buy_and_hold", "--set",
                                    "stop=0.1", "--leverage", "3", "--fees", "0,0.001", "--from",
                                    "2026-01-30"])
    spec = specification(options)
    assert (spec.leverage, spec.cash, spec.margin) == (3.0, 10_000.0, "isolated")
    assert dict(spec.params) == {"stop": 0.1}
    assert spec.fees == (0.0, 0.001)
    assert spec.fromdate == "2026-01-30T00:00:00"


def test_data_and_strategy_are_required() -> None:
    """A run without data or strategy is refused by the option's name."""
    with pytest.raises(UsageError, match="--strategy is missing"):
        specification(_parser().parse_args(["--data", "risk"]))


def test_typed_options_win_over_the_file(tmp_path: Path) -> None:
    """Values of --config apply where the command line says nothing; [set] holds parameters."""
    path = tmp_path / "run.toml"
    path.write_text('data = "risk"\nleverage = 5\nmargin_fraction = 0.1\nfees = [0.0, 0.001]\n'
                    '[set]\nhold = 3\nlevels = [1, 2]\nlong = true\n')
    words = ["--config", str(path), "--leverage", "7", "--set", "hold=4", "--strategy", "x"]
    options = _parser().parse_args(with_config(words, _parser()))
    assert (options.data, options.leverage, options.margin_fraction) == ("risk", 7.0, 0.1)
    assert options.fees == (0.0, 0.001)
    assert dict(options.parameters) == {"hold": "4", "levels": "1,2", "long": "True"}


def test_every_policy_may_stand_in_the_file(tmp_path: Path) -> None:
    """A file with every option of orders, delays and liquidation is the run of the same typed."""
    typed = ["--data", "risk", "--strategy", "buy_and_hold", "--slippage", "cascade:depth=1e6",
             "--volume-limit", "0.1", "--latency", "2", "--publication-latency", "1",
             "--outage", "2026-01-31T18:40/2026-01-31T18:50", "--outage", "2026-02-01/2026-02-02",
             "--adl", "2026-01-31T18:41,short,0.5,2400", "--off-tick", "refuse", "--step", "1h",
             "--fee-tier", "VIP1", "--liquidation", "takeover", "--stop-trigger", "mark"]
    path = tmp_path / "run.toml"
    path.write_text('''data = "risk"
strategy = "buy_and_hold"
slippage = "cascade:depth=1e6"
volume_limit = 0.1
latency = 2
publication-latency = 1
outage = ["2026-01-31T18:40/2026-01-31T18:50", [2026-02-01, 2026-02-02]]
adl = [[2026-01-31T18:41:00, "short", 0.5, 2400]]
off_tick = "refuse"
step = "1h"
fee_tier = "VIP1"
liquidation = "takeover"
stop_trigger = "mark"
''')
    from_file = _parser().parse_args(with_config(["--config", str(path)], _parser()))
    made = specification(_parser().parse_args(typed))
    assert specification(from_file) == made
    assert made.outage[1] == ("2026-02-01T00:00:00", "2026-02-02T00:00:00")
    assert made.adl == (("2026-01-31T18:41:00", "short", 0.5, 2_400.0),)
    assert (made.volume_limit, made.latency, made.publication_latency) == (0.1, 2, 1)
    assert (made.liquidation, made.stop_trigger) == ("takeover", "mark")


@pytest.mark.parametrize(("text", "complaint"), [
    ("levrage = 3", "unknown key 'levrage'; did you mean 'leverage'"),
    ("leverage = ", "is not TOML"),
    ("set = 3", "must be a table of strategy parameters"),
    ("[venue]\na = 1", "venue is not a table"),
])
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """A key that is no option, or a file that is no TOML, is a usage error naming the file."""
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        with_config([f"--config={path}"], _parser())


@pytest.mark.parametrize(("error", "line", "code"), [
    (UnknownName("unknown x"), "unknown x", 2),
    (DataError("row 3:\n  bad"), "row 3: bad", 3),
    (FileNotFoundError(2, "No such file", "a.json"), "a.json: No such file", 3),
    (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero (--debug shows the traceback)", 1),
])
def test_every_error_is_one_line_and_a_code(error: Exception, line: str, code: int) -> None:
    """2 is usage, 3 is data, 1 a defect; line breaks inside a message are folded."""
    assert describe(error) == (line, code)


def test_a_misspelt_command_gets_its_near_miss(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command exits 2 with one line on stderr and nothing on stdout."""
    assert entry(["comprae"]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("error: unknown command 'comprae'; did you mean 'compare'?")
    assert found.err.count("\n") == 1


def test_an_error_of_a_library_names_its_place(capsys: pytest.CaptureFixture[str],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error is one line with file and line number; --debug adds the traceback."""
    def broken(words: object) -> int:
        raise KeyError("boom")

    monkeypatch.setattr("deleverage.cli.main.dispatch", broken)
    assert entry([]) == 1
    assert "KeyError at test_arguments.py:" in capsys.readouterr().err
    assert entry(["--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
