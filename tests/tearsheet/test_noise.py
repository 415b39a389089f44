"""Which differences are larger than noise: pairs of a ranking, and what the page says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from deleverage import tearsheet
from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.pairs import Noise, pairs_shown
from deleverage.results import RunResult
from deleverage.tearsheet.noise import TITLE, noise
from tests.tearsheet import sheets


def ran(name: str, nets: Sequence[float], **changes: Any) -> RunResult:
    """A result that made these sums in as many cascades, and nothing elsewhere."""
    row = sheets.statistics()["cascades"]["rows"][0]
    rows = [{**row, "number": k + 1, "start_ns": row["start_ns"] + k, "net": net}
            for k, net in enumerate(nets)]
    return sheets.result(name, net=sum(nets), cascades={
        "count": len(rows), "rows": rows, "net_elsewhere": 0.0, **changes})


def judged(*results: RunResult) -> tuple[Noise, str]:
    """The pairs, and the section in one line of words."""
    ranked = Comparison.of([Compared(result) for result in results])
    text = noise(ranked.noise, [row.result.spec.strategy for row in ranked.rows])
    return ranked.noise, " ".join(text.split())


def test_two_runs_that_differ_by_more_than_noise() -> None:
    """Eight cascades all won by one: p = 2/256 is below 5 %, the page names winner and loser, n,
    p, the smallest p, and the interval."""
    found, text = judged(ran("mine", [100.0, 80, 90, 120, 60, 110, 95, 105]),
                         ran("other", [0.0] * 8))
    (pair,) = found.pairs
    told = pair.difference
    assert (told.n, told.ties) == (8, 0)
    assert told.p == told.smallest == told.holm == 1 / 128
    assert found.larger == (pair,)
    assert told.mean == pytest.approx(0.0095)
    assert text.startswith(f"{TITLE} Larger than noise in cascades (p after Holm at most 5 %): "
                           "1 mine over 2 other.")
    assert "1 mine 2 other 8 (0) +0.95 +0.8 … +1.1 0.0078 0.0078 ◄ 0.0078 0.00" in text


def test_the_winner_of_cascades_may_be_the_loser_of_the_ranking() -> None:
    """One that made its money elsewhere ranks first and is beaten in every cascade: the page says
    who beat whom there."""
    rich = ran("rich", [0.0] * 6, net_elsewhere=5_000.0)
    rich = sheets.result("rich", net=5_000.0, cascades=dict(rich.statistics["cascades"]))
    found, text = judged(rich, ran("mine", [10.0, 11, 12, 13, 14, 15]))
    assert found.pairs[0].difference.elsewhere == pytest.approx(0.5)
    assert "2 mine over 1 rich" in text


@pytest.mark.parametrize(("count", "lowest"), [(2, "0.5000"), (3, "0.2500"), (5, "0.0625")])
def test_few_cascades_can_show_nothing(count: int, lowest: str) -> None:
    """With five cascades or fewer the page says by itself that nothing can be significant."""
    found, text = judged(ran("mine", [100.0] * count), ran("other", [0.0] * count))
    assert found.larger == ()
    assert (f"None can be: with {count} cascades no p is below {lowest}, so nothing can be "
            "significant at 5 %") in text


def test_many_pairs_need_more_cascades() -> None:
    """Six cascades would do for one pair; of five runs ten pairs are tested, all counted by Holm,
    and the page says that no p can then be small enough."""
    found, text = judged(*(ran(f"run{k}", [100.0 * k + j for j in range(6)]) for k in range(5)))
    assert (found.tested, found.attainable) == (10, 10 / 32)
    assert {pair.difference.p for pair in found.pairs} == {1 / 32}
    assert {pair.difference.holm for pair in found.pairs} == {10 / 32}
    assert "not for 10 at once (after Holm no p is below 0.3125)" in text
    assert "10 of 10 pairs had n of 2 or more and were tested" in text


def test_noise_is_called_noise() -> None:
    """Twelve cascades of random differences: enough to show something, and nothing is shown."""
    chance = np.random.default_rng(4)
    _, text = judged(ran("one", chance.normal(0, 100, 12).tolist()),
                     ran("two", chance.normal(0, 100, 12).tolist()))
    assert "None of those shown: no p after Holm is 5 % or less." in text


def test_pairs_without_a_p_say_why() -> None:
    """One that never traded a cascade the other did not, a run on other cascades, a run whose
    market was not searched, one result alone: n/a with the reason, or no section."""
    found, text = judged(ran("mine", [5.0, 0.0]), ran("same", [5.0, 0.0]))
    assert (found.tested, found.pairs[0].difference.ties) == (0, 2)
    assert text == f"{TITLE} n/a: no cascade in which they differ"
    _, text = judged(ran("mine", [5.0, 0.0]), ran("other", [0.0, 0.0]))
    assert "None can be: no two runs that can be paired differ in more than one cascade." in text
    assert "1 mine 2 other 1 (1) +0.05 n/a 0.00" in text
    _, text = judged(ran("mine", [5.0, 7.0]), ran("none", [0.0, 0.0]), ran("short", [-9.0]))
    assert "n/a: not the same cascades (2 and 1 found)" in text
    _, text = judged(ran("mine", [5.0]), ran("bare", [4.0], trigger=None, missing=["not searched"]))
    assert text == f"{TITLE} n/a: not searched"
    assert judged(ran("mine", [5.0, 7.0]))[1] == ""


def test_runs_on_different_data_are_not_paired() -> None:
    """Forced beside one another, runs on different data have no cascades in common."""
    rows = [Compared(ran("mine", [5.0, 6.0])), Compared(sheets.result(dataset="risk"))]
    page = tearsheet.side_by_side(Comparison.of(rows, force=True))
    assert f"{TITLE}\nn/a: the runs are on different data" in page


def test_which_pairs_are_shown() -> None:
    """Each against the best and against the next, of 20 results at most; all are tested."""
    assert pairs_shown(1) == []
    assert pairs_shown(4) == [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)]
    assert len(pairs_shown(20)) == len(pairs_shown(300)) == 37
    chance = np.random.default_rng(1)
    found, text = judged(*(ran(f"run_number_{k}", chance.normal(0, 100, 9).tolist())
                           for k in range(24)))
    assert (found.tested, len(found.pairs)) == (276, 37)
    assert "4 more results are tested and not shown." in text


def test_the_section_stands_after_the_ranking_and_fits() -> None:
    """The page has it between ranking and sheets, no line wider than 120 columns."""
    chance = np.random.default_rng(2)
    rows = [Compared(ran("a_very_long_strategy_name", (-200 * chance.random(40)).tolist()))
            for _ in range(12)]
    page = tearsheet.side_by_side(Comparison.of(rows))
    assert page.index("RANKING") < page.index(TITLE) < page.index("SHEETS SIDE BY SIDE")
    assert max(map(len, page.splitlines())) <= 120
    assert "~" in page[page.index(TITLE):page.index("SHEETS SIDE BY SIDE")]
