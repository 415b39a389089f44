"""Rows of CoinGlass's answers: bars of liquidations, single orders, OHLC of funding and of open
interest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from deleverage.columns import Ints
from deleverage.errors import UsageError, unknown_name
from deleverage.feeds.readers.names import TOTAL, Contract, contract, same_coin
from deleverage.feeds.readers.parsing.aggregates import OPEN_BAR, Bars, bar_rows, settled, step_of
from deleverage.feeds.readers.parsing.answers import Rows, enveloped, gathered
from deleverage.feeds.readers.parsing.values import liquidation_rows, refuse, sides
from deleverage.feeds.readers.protocol import Log, Piece, Request
from deleverage.timestamps import HOUR, show_step

_PAIRS = (("aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd"),
          ("long_liquidation_usd", "short_liquidation_usd"),
          ("longLiquidationUsd", "shortLiquidationUsd"))


def about(path: Path, request: Request, venue: str | None = None) -> Contract:
    """What the rows are about: CoinGlass's answers do not say. ``venue`` is known beforehand."""
    if request.symbol is None:
        raise UsageError(f"{path}: a CoinGlass answer does not say which coin it is about; say it "
                         "with --symbol")
    return contract(venue or request.venue or "coinglass", request.symbol)


def bars(path: Path, request: Request, log: Log) -> Piece:
    """Bars of both sides in USD, without the newest."""
    rows = rows_of(path, log)
    first = rows.rows[0] if isinstance(rows.rows[0], dict) else {}
    pair = next((each for each in _PAIRS if each[0] in first), _PAIRS[0])
    # the older answers (t) of one pair and of a sum look alike
    default = "coinglass" if pair == _PAIRS[1] else TOTAL
    one = about(path, request, TOTAL if pair == _PAIRS[0] else request.venue or default)
    if one.venue == TOTAL and request.venue is not None:
        log.note(f"{path.name}: a sum over venues, which --venue {request.venue} does not make its "
                 "own: its venue is all")
    found = Bars(_starts(rows), rows.numbers, rows.floats(pair[0]), rows.floats(pair[1]))
    step = step_of(found.start_ns, path, found.rows, request.timeframe)
    names = {"venue": one.venue, "symbol": one.symbol, "base": one.base}
    return Piece("liquidations", bar_rows(settled(found, log), step, path, names), step_ns=step)


def orders(path: Path, request: Request, log: Log) -> Piece:
    """Single orders. What side 1 and 2 mean is disputed, so the convention must be asked for."""
    if request.side not in ("order", "position"):
        if request.side is not None:
            raise unknown_name("side convention", request.side, ("order", "position"))
        raise UsageError(f"{path}: whether side 1 is a buy order (a short liquidated) or a long "
                         "position is disputed between CoinGlass's documents and its users: say "
                         "--side-convention order (its documents) or position, and hold the result "
                         "against the prices")
    rows = rows_of(path, log)
    contracts = [contract(venue.lower(), symbol) for venue, symbol in zip(
        rows.text("exchange_name"), rows.text("symbol"), strict=True)]
    rows, contracts = wanted(rows, contracts, request, log)
    code = [str(each) for each in rows.raw("side")]
    longs, shorts = (["2"], ["1"]) if request.side == "order" else (["1"], ["2"])
    is_long = sides(code, longs, shorts, path, "side", rows.numbers)
    price, usd = rows.floats("price"), rows.floats("usd_value")
    for value, field in ((price, "price"), (usd, "usd_value")):
        if not (value > 0).all():
            refuse(path, ~(value > 0), field, "must be > 0", value, rows.numbers)
    stamps = rows.stamps("time")
    return Piece("liquidations", liquidation_rows({
        "ts": stamps, "available_at": stamps, "is_long": is_long,
        "venue": [one.venue for one in contracts], "symbol": [one.symbol for one in contracts],
        "base": [one.base for one in contracts], "qty_base": usd / price, "price": price,
        "price_basis": "unknown", "notional_usd": usd, "completeness": "unknown",
        "source_row": rows.numbers}, len(rows)))


def ohlc(path: Path, matter: str, request: Request, log: Log) -> Piece:
    """The close of each bar but the newest, as known at the bar's end.

    Funding is in percent (unverified), and only bars of 8 h are taken to end with a settlement
    unless the length is asked for; open interest is in USD.
    """
    rows = rows_of(path, log)
    one = about(path, request)
    starts, close = _starts(rows), rows.floats("close")
    step = step_of(starts, path, rows.numbers, request.timeframe)
    closed = starts < starts.max()
    log.drop(OPEN_BAR, int((~closed).sum()))
    end, close, numbers = starts[closed] + step, close[closed], rows.numbers[closed]
    if matter == "open":
        if (close < 0).any():
            refuse(path, close < 0, "close", "must be ≥ 0", close, numbers)
        log.note(f"{path.name}: open interest is taken as USD, both sides counted once")
        return Piece("open_interest", pa.table({
            "ts": end, "available_at": end, "oi_base": np.full(len(end), np.nan), "oi_usd": close,
            "source_row": numbers}), one)
    if request.venue is None:
        raise UsageError(f"{path}: whose funding this is, is not said; say it with --venue")
    if step != 8 * HOUR and request.timeframe is None:
        raise UsageError(f"{path}: bars of {show_step(step)} are not known to end with a "
                         "settlement; if each does, say so with --timeframe")
    log.note(f"{path.name}: funding is taken as percent, the close of a bar as settled at its end")
    return Piece("funding", pa.table({
        "ts": end, "raw_ts": end, "available_at": end, "rate": close / 100,
        "interval_h": np.full(len(end), step / HOUR), "source_row": numbers}), one)


def wanted(rows: Rows, contracts: list[Contract], request: Request,
           log: Log) -> tuple[Rows, list[Contract]]:
    """Only the rows about the coin asked for that are no delivery contract's; the rest counted."""
    ended = [one.delivery for one in contracts]
    other = [request.symbol is not None and not same_coin(request.symbol, one.base) and not end
             for one, end in zip(contracts, ended, strict=True)]
    log.drop("delivery contracts", sum(ended))
    log.drop("other coins", sum(other))
    keep = [not end and not off for end, off in zip(ended, other, strict=True)]
    return rows.kept(keep), [one for one, own in zip(contracts, keep, strict=True) if own]


def rows_of(path: Path, log: Log) -> Rows:
    """All rows of an answer, or of a list of answers."""
    return gathered(path, lambda document: enveloped(path, "CoinGlass", document), log)


def _starts(rows: Rows) -> Ints:
    first = rows.rows[0]
    return rows.stamps("t" if isinstance(first, dict) and "time" not in first else "time")
