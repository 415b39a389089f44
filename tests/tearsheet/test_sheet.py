"""What a sheet says, and in which order, of a result made by hand."""

from __future__ import annotations

import pytest

from deleverage import tearsheet, timestamps
from deleverage.beside import Baseline
from deleverage.spec import RunSpec
from deleverage.tearsheet import sheet as parts
from deleverage.tearsheet.heading import heading
from tests.tearsheet import sheets


def test_the_order_in_which_a_trader_reads() -> None:
    """Header, warnings, verdict, the scan as first table, then the rest, one after the other."""
    result = sheets.result()
    sheet = tearsheet.render(result, Baseline.against(result, [sheets.result(net=50.0)]))
    titles = ["═══ level_reclaim 10x isolated", "WARNINGS", "VERDICT",
              "LEVERAGE SCAN, same margin fraction", "LEVERAGE SCAN, same notional",
              "AGAINST RANDOM ENTRIES", "CASCADES", "FROM GROSS TO NET", "TRADES BY EXIT REASON",
              "EXPOSURE BY CURRENT TIER", "MONEY BY TIER AT ENTRY", "LIQUIDATIONS", "PARADOX",
              "SURVIVAL FRONTIER", "NEAR MISSES", "DRAWDOWN", "FUNDING", "ORDERS", "PERFORMANCE"]
    starts = [line for line in sheet.splitlines()
              if any(line.startswith(title) for title in titles)]
    assert [next(title for title in titles if line.startswith(title)) for line in starts] == titles


def test_a_sheet_fits_120_columns() -> None:
    """No line is wider than 120 columns, with sums of a large account as well."""
    result = sheets.result()
    sheet = tearsheet.render(result, Baseline.against(result, [sheets.result(net=50.0)]))
    assert max(map(len, sheet.splitlines())) <= 120


def test_the_header_says_what_ran_under_which_rules() -> None:
    """Size rule, leverage, margin mode, venue, ladder with age, fees, slippage, path, range."""
    head = " ".join(heading(sheets.result()).split())
    for words in ("SYNTHETIC data", "0.2 × equity as margin", "leverage 10x set",
                  "isolated margin", "binance; ladder binance-eth-2024-10-24", "461 days old",
                  "confidence high", "maker 2 bp, taker 5 bp",
                  "path inside the bar adverse", "slippage 2 bp fixed",
                  "collateral: USDT counted at 1.00 USD",
                  "liquidation venue: reduced to lower brackets, then taken over",
                  "2026-01-28 00:01 … 2026-02-12 00:00 UTC",
                  "10,000.00 USDT", "stops on last, liquidation on mark"):
        assert words in head


@pytest.mark.parametrize(("net", "word"), [
    (-2_487.66, "LOST 24.88 % net (-2,487.66 USDT)"), (250.0, "GAINED 2.50 % net (+250.00 USDT)"),
    (0.0, "No gain, no loss: 0.00 % net (0.00 USDT)")])
def test_a_loss_is_called_a_loss(net: float, word: str) -> None:
    """The verdict opens with LOST, GAINED or neither, as the money says."""
    assert word in parts.verdict(sheets.result(net=net))


def test_short_samples_are_withheld() -> None:
    """An annual figure that the statistics withheld is n/a with its sample, never a number."""
    sheet = tearsheet.render(sheets.result())
    row = sheet[sheet.index("PERFORMANCE"):].splitlines()[-1]
    assert row.count("n/a (n=15)") == 4


def test_a_liquidation_that_depends_on_the_mark_is_named() -> None:
    """A liquidation judged on a clipped mark is counted apart and listed by its number."""
    sheet = tearsheet.render(sheets.result())
    assert ("1 judged on a mark clipped from coarser rows (margin lost 1,010.00); 1 judged on the "
            "exact mark") in sheet
    assert "Depends on a mark that was not exact: position #1." in sheet


def test_what_is_not_the_default_is_said() -> None:
    """Delays, outages, supposed events, volume limit, fee tier and finer bars stand in the header,
    and none of them where the account is served at once; USDC is named where it is the quote."""
    plain = " ".join(heading(sheets.result()).split())
    assert "delays" not in plain
    assert "walked" not in plain
    assert "of a bar's volume" not in plain
    spec = RunSpec(
        data="x", strategy="y", latency=2, publication_latency=1, volume_limit=0.1,
        outage=[("2026-01-31T18:40", "2026-01-31T18:50")],  # type: ignore[arg-type]
        adl=[("2026-01-31T18:41", "short", 0.5, 2_400)])  # type: ignore[arg-type]
    made = {"quote": "USDC", "step_ns": timestamps.HOUR,
            "fee_tier": "binance usdm VIP1: maker 1.6 bp, taker 4 bp"}
    told = " ".join(heading(sheets.result(spec=spec, made=made)).split())
    for words in ("delays orders arrive 2 bars late; open interest and liquidations are seen 1 bar "
                  "late; outage 2026-01-31 18:40 to 2026-01-31 18:50; auto-deleveraging 2026-01-31 "
                  "18:41: 0.5 of a short position at 2400",
                  "1h bars 2026-01-28 00:01 … 2026-02-12 00:00 UTC (21,600), walked in bars of 1m",
                  "collateral: USDC counted at 1.00 USD", "VIP1: maker 1.6 bp",
                  "at most 0.1 of a bar's volume"):
        assert words in told


def test_a_liquidation_is_told_step_by_step() -> None:
    """Stage, coins closed and left, loss, fee, margin given back and the fund, a row each; sums
    over the steps in the head; the verdict tells reductions apart."""
    sheet = tearsheet.render(sheets.result())
    for words in ("1 liquidated (1 long, 0 short), 1 reduction (0 of the positions reduced lived)",
                  "of it fees -38.00, given back 10.00; insurance fund: gained 38.00, paid 45.00",
                  "1 through the book (margin lost 990.00); 1 taken over at the bankruptcy price",
                  "1 of 3 positions liquidated, 1 reduction by the venue, margin lost 2,000.00"):
        assert words in " ".join(sheet.split())
    rows = [line.split() for line in sheet.splitlines() if line.startswith("#1 ")]
    assert ["#1", "market", "4.0000", "4.0000", "990.00", "-38.00", "10.00", "+38.00"] in rows
    assert ["#1", "takeover", "4.0000", "0.0000", "1,010.00", "0.00", "0.00", "-45.00"] in rows


def test_a_run_with_reductions_alone_is_not_silent() -> None:
    """Nothing was liquidated, but the venue took a part: table and verdict say so."""
    row = sheets.LIQUIDATIONS["rows"][0]  # type: ignore[index]
    sheet = " ".join(tearsheet.render(sheets.result(
        liquidations={"count": 0, "long": 0, "reduced": 1, "margin_lost": 990.0, "rows": [row]},
        trades={"auto_deleveraged": 1})).split())
    assert ("No liquidation in 3 positions, 1 reduction by the venue: margin lost 990.00 USDT. "
            "Auto-deleveraged: 1.") in sheet
    assert "0 liquidated (0 long, 0 short), 1 reduction (1 of the positions reduced lived)" in sheet


def test_the_way_from_gross_to_net_adds_up() -> None:
    """Price, slippage, fees, funding, liquidation and insurance fund are rows of their own; what
    is printed adds up to the net beside it."""
    sheet = tearsheet.render(sheets.result())
    block = sheet[sheet.index("FROM GROSS TO NET"):sheet.index("\nFUNDING")].splitlines()
    rows = {line.rsplit(maxsplit=1)[0].strip(): float(line.split()[-1].replace(",", ""))
            for line in block[3:10]}
    assert list(rows) == ["price, before slippage", "slippage", "fees", "funding",
                          "liquidation, price loss and the venue's fee", "insurance fund", "= net"]
    assert rows["slippage"] == -32.0
    assert sum(list(rows.values())[:-1]) == pytest.approx(rows["= net"])


def test_exit_reasons_carry_their_excursions() -> None:
    """How far trades of one exit went against and for, on average and at worst."""
    sheet = tearsheet.render(sheets.result())
    row = next(line for line in sheet.splitlines() if line.startswith("stop "))
    assert row.split()[-6:] == ["2.10", "%", "0.40", "%", "3.40", "%"]


def test_funding_and_orders_tell_what_was_not_whole() -> None:
    """States with what was not booked, the price charged on, orders in parts, fills by kind."""
    sheet = " ".join(tearsheet.render(sheets.result()).split())
    for words in ("missing 1 0.00 -0.40", "imputed 1 -0.80 -0.80", "settled 10 -6.86",
                  "Charged on the price of: 1 on index (-0.80), 10 on mark (-6.86).",
                  "Without a known rate or price: 2, of these not booked 1 (at the last known rate "
                  "-0.40); uncertain money 1.20 (15.0 % of all funding).",
                  "7 fills (2 maker, 5 taker; 2 by the venue)",
                  "Of 4 orders with a fill, 1 filled in parts (2 fills).", "liquidation 2 stop 1"):
        assert words in sheet


def test_a_run_without_a_signal_is_a_result() -> None:
    """Zero trades, no scan, nothing in the market: each block says so in words."""
    result = sheets.result(
        net=0.0, scanned=False, warnings=(),
        trades={"count": 0, "open": 0, "best": None, "by_exit_reason": [], "by_side": []},
        exposure={"by_tier": [], "by_entry": []},
        liquidations={"count": 0, "reductions": 0, "rows": []},
        near_misses={"rows": [], "lived": 0, "closest_bp": None},
        paradox={"trades": 0}, frontier={"trades": 0}, cascades={"count": 0, "best": None},
        funding={"payments": 0, "missing_due": 0}, orders={"rejections": 0})
    sheet = tearsheet.render(result)
    for words in ("LEVERAGE SCAN\nnot run", "gave no signal that was filled", "never in the market",
                  "LIQUIDATIONS\nnone", "TRADES\nnone", "no settlement on a held position"):
        assert words in sheet
    assert "WARNINGS" not in sheet
    assert "nan" not in sheet.lower().replace("binance", "")
    refused = sheets.result(trades={"count": 0, "open": 0})
    assert "No trade: what the strategy ordered was refused" in parts.verdict(refused)


def test_cascades_are_told_one_by_one() -> None:
    """Size in USD and of open interest, low, entry lag, excursions, money, what survived; P&L by
    zone, long and short apart; the verdict counts them and leaves the best one out."""
    result = sheets.result()
    sheet = tearsheet.render(result)
    block = sheet[sheet.index("\nCASCADES"):sheet.index("\nFROM GROSS")]
    first, second = [line for line in block.splitlines() if line[:2] in ("1 ", "2 ")][:2]
    for cell in ("2026-01-31 14:41", "5.0 h", "$471.4M", "6.75 %", "-14.8 %", "2,317.47",
                 "2026-01-31 18:41", "yes"):
        assert cell in first
    assert "no data" in second
    assert "60 min" in second or "1.0 h+" in second
    (trades,) = [line for line in block.splitlines() if "+8.96" in line]
    assert trades.split() == ["1", "2", "−42", "min", "2.01", "%", "2.37", "%", "-1,900.00",
                              "+8.96", "-15.62", "1", "0", "4.3x"]
    (zone,) = [line for line in block.splitlines() if line.startswith("inside")]
    assert zone.split()[-3:] == ["-1,800.00", "-1,900.00", "+100.00"]
    assert ("2 cascades in these bars, 1 traded; the best brought -1,900.00, without it the net of "
            "all trades is -587.66.") in " ".join(parts.verdict(result).split())


def test_a_missing_table_is_one_line() -> None:
    """Without open interest no cascade is looked for, and the sheet says which table is missing."""
    lines = ("the table open_interest is missing",)
    sheet = tearsheet.render(sheets.result(cascades={"trigger": None, "missing": lines}))
    assert "CASCADES\nthe table open_interest is missing" in sheet
    assert "cascades in these bars" not in sheet


def test_the_paradox_is_told_trade_by_trade() -> None:
    """What a right and liquidated trade made, would have made at 1x and had it lived; the leverage
    it survives is never rounded up; the verdict has the 5 % quantile."""
    sheet = tearsheet.render(sheets.result())
    told = " ".join(sheet.split())
    assert ("Of 3 trades liquidated: 1, of these right on direction: 1: they made -2,000.00, "
            "and had they lived to their planned exit +900.00.") in told
    (row,) = [line for line in sheet.splitlines() if line.startswith("1 long")]
    for cell in ("20x", "-2,000.00", "-100 %", "+895.00", "+900.00", "time exit", "11.6x"):
        assert cell in row
    verdict = " ".join(parts.verdict(sheets.result()).split())
    assert ("Largest leverage survived, by replay of each trade: 5 % quantile 3.1x, median 11.6x, "
            "least 3.1x (over 3 trades).") in verdict


def test_the_frontier_shows_both_sides_of_its_border() -> None:
    """The scan's leverages, the largest that every trade survives, the next one and the limit."""
    sheet = tearsheet.render(sheets.result())
    block = sheet[sheet.index("SURVIVAL FRONTIER"):sheet.index("\nNEAR MISSES")]
    levels = [line.split()[0] for line in block.splitlines() if line[:1].isdigit()]
    assert levels == ["1x", "2x", "3x", "4x", "5x", "10x", "20x", "25x", "50x"]
    assert "Every trade survives up to 3x." in block
    assert "Trades the venue ended or reduced are held on: 1 to its time exit." in block


def test_the_scan_names_the_largest_leverage_that_lived() -> None:
    """The scan marks the run's own leverage, cuts at the venue's limit and says what survived."""
    sheet = tearsheet.render(sheets.result())
    assert "10x ◄" in sheet
    assert "100x: the venue grants at most 50x" in sheet
    assert "Largest leverage without a liquidation 5x." in sheet


def test_random_entries_stand_beside_the_strategy() -> None:
    """Best, median and worst seed are rows, and the seeds that did better are counted."""
    result = sheets.result(net=-500.0)
    random = [sheets.result("random_entry", net=net) for net in (-100.0, -3_000.0, 200.0)]
    block = parts.random_entries(result, Baseline.against(result, random))
    assert "level_reclaim did better than 1 of 3 random runs" in block
    lines = block.splitlines()
    assert [line.split("%")[0].split()[-1] for line in lines[4:8]] == [
        "-5.00", "+2.00", "-1.00", "-30.00"]
