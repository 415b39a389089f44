"""Wrong formulas of margins, prices, brackets and venues, for scripts/mutate_rules.py."""

from __future__ import annotations

from mutation import Mutation

MARGIN, ACCOUNT = "deleverage/margin.py", "deleverage/account.py"
ROOM = "deleverage/venues"
RULES, SOLVE, LADDER = f"{ROOM}/rules.py", f"{ROOM}/solve.py", f"{ROOM}/ladder.py"
BRACKETS, LOOKUP = f"{ROOM}/brackets.py", f"{ROOM}/__init__.py"
BINANCE, BYBIT, OKX, GATE = (f"{ROOM}/{name}.py" for name in ("binance", "bybit", "okx", "gate"))
HYPERLIQUID = f"{ROOM}/hyperliquid.py"

FIRST = ("tests/venues/test_formulas.py", "tests/venues/test_rules_in_the_account.py",
         "tests/venues/test_edges.py", "tests/venues/test_hedge.py", "tests/venues/test_cases.py")

_LEVEL = ("solve.terms_at_liquidation(\n"
          "                ladder, -side, size * entry - side * wallet, self.maintenance_fee)")
_COINS = ("solve.terms_at_liquidation(\n"
          "                ladder, side, size / entry + side * wallet, self.maintenance_fee)")

ARITHMETIC = (
    Mutation("side sign, liquidation price of family A", MARGIN,
             "(wallet + amount - side * size * entry) / (size * rate - side * size)",
             "(wallet + amount + side * size * entry) / (size * rate + side * size)"),
    Mutation("side sign, liquidation price of family B", MARGIN,
             "return entry - side * (wallet - maintenance(",
             "return entry + side * (wallet - maintenance("),
    Mutation("side sign, inverse liquidation price of family A", MARGIN,
             "_over(value * (side + rate), wallet", "_over(value * (side - rate), wallet"),
    Mutation("side sign, inverse liquidation price of family B", MARGIN,
             "entry + side * (wallet - frozen)", "entry - side * (wallet - frozen)"),
    Mutation("side sign, bankruptcy price", MARGIN,
             "return entry - side * wallet / size", "return entry + side * wallet / size"),
    Mutation("side sign, inverse bankruptcy price", MARGIN,
             "_over(value, value / entry + side * wallet)",
             "_over(value, value / entry - side * wallet)"),
    Mutation("side sign, unrealised profit", MARGIN,
             "signed_size * (mark - entry)", "signed_size * (entry - mark)"),
    Mutation("side sign, inverse unrealised profit", MARGIN,
             "signed_value * (1 / entry - 1 / mark)", "signed_value * (1 / mark - 1 / entry)"),
    Mutation("maintenance amount missing in maintenance", MARGIN,
             "return notional * rate - amount", "return notional * rate"),
    Mutation("maintenance amount missing in the liquidation price", MARGIN,
             "(wallet + amount - side * size * entry)", "(wallet - side * size * entry)"),
    Mutation("maintenance amount missing, inverse", MARGIN,
             "wallet + amount + side * value / entry)", "wallet + side * value / entry)"),
    Mutation("funding sign", MARGIN,
             "-(signed_size * price * rate)", "signed_size * price * rate"),
    Mutation("inverse funding sign", MARGIN,
             "-(signed_value / price * rate)", "signed_value / price * rate"),
    Mutation("inverse funding on the value in USD", MARGIN,
             "-(signed_value / price * rate)", "-(signed_value * rate)"),
    Mutation("buffer moves the price away from entry", MARGIN,
             "liquidation + side * buffer", "liquidation - side * buffer"),
)

PRICES = (
    Mutation("bracket by collateral", RULES, _LEVEL, "solve.terms(ladder, wallet, None, 0.0)"),
    Mutation("bracket not re-selected at the liquidation notional", RULES, _LEVEL,
             "solve.terms(ladder, size * entry, None, 0.0)"),
    Mutation("inverse bracket not re-selected", RULES, _COINS,
             "solve.terms(ladder, size / entry, None, 0.0)"),
    Mutation("bracket edges without their amounts", LADDER,
             "(rung.rate + fee) - rung.amount)", "(rung.rate + fee))"),
    Mutation("bracket edges without the fee", LADDER,
             "(rung.rate + fee) - rung.amount)", "rung.rate - rung.amount)"),
    Mutation("bracket edges of the other side", SOLVE,
             "edges(1 if sign > 0 else -1, fee)", "edges(-1 if sign > 0 else 1, fee)"),
    Mutation("bracket edges of one side for both, arrays", SOLVE,
             "found -= (found - _passed(level, ladder.edges(1, fee), span)) * rises",
             "del rises"),
    Mutation("tier bound to the upper bracket", LADDER,
             "self.brackets[min(bisect_left(self.uppers, notional), len(self.uppers) - 1)]",
             "self.brackets[min(sum(u <= notional for u in self.uppers), len(self.uppers) - 1)]"),
    Mutation("fee omitted from maintenance at liquidation", RULES,
             "margin.liquidation_at_liquidation(\n            side, size, entry, wallet, rate + "
             "self.maintenance_fee", "margin.liquidation_at_liquidation(\n            side, size, "
             "entry, wallet, rate"),
    Mutation("fee omitted from inverse maintenance", RULES,
             "margin.inverse_at_liquidation(\n            side, size, entry, wallet, rate + "
             "self.maintenance_fee", "margin.inverse_at_liquidation(\n            side, size, "
             "entry, wallet, rate"),
    Mutation("fee omitted from a position's maintenance", RULES,
             "margin.maintenance(notional, rate + self.maintenance_fee, amount)",
             "margin.maintenance(notional, rate, amount)"),
    Mutation("fee inside maintenance at every venue", RULES,
             "if not self.fee_inside:", "if False:"),
    Mutation("families swapped", RULES, "return self.maintenance_at_entry and not cross",
             "return not self.maintenance_at_entry and not cross"),
    Mutation("maintenance frozen at entry in cross too", RULES,
             "return self.maintenance_at_entry and not cross", "return self.maintenance_at_entry"),
    Mutation("maintenance of a position always at entry", RULES,
             "entry if self.frozen_at_entry(cross) else mark)", "entry)"),
    Mutation("other positions ignored in the liquidation price", RULES,
             "wallet = wallet + others_unrealised - others_maintenance\n        chosen",
             "chosen"),
    Mutation("other positions ignored in the margin ratio", RULES,
             "wallet = wallet + others_unrealised - others_maintenance\n        return",
             "return"),
    Mutation("maintenance of the others added, not taken", RULES,
             "others_unrealised - others_maintenance\n        chosen",
             "others_unrealised + others_maintenance\n        chosen"),
    Mutation("contracts counted as coins", RULES,
             "return size / ladder.contract_size if", "return size if"),
    Mutation("contracts' bounds compared with notional", RULES,
             'if ladder.unit == "contracts" else notional', 'if False else notional'),
    Mutation("a bound where maintenance jumps does not liquidate", SOLVE,
             "if number != start and (near - root) * sign <= 0:", "if False:"),
    Mutation("a negative price given instead of none", SOLVE,
             "return None if side > 0 else 0.0", "return float(price)"),
    Mutation("a negative price given instead of none, arrays", SOLVE,
             "return np.where(price > 0, price, np.where(np.asarray(side) > 0, np.nan, 0.0))",
             "return price"),
    Mutation("the belief that a 1x short cannot be liquidated", SOLVE,
             "        if price > 0:\n            return float(price)\n        return None if side",
             "        if price > 0 and side > 0:\n            return float(price)\n"
             "        return None if side"),
    Mutation("a negative margin ratio for an account with nothing left", SOLVE,
             "return above / below if below > 0 else math.inf", "return above / (below or 1e-300)"),
)

MARGINS = (
    Mutation("initial margin multiplied by leverage", BRACKETS,
             "return notional / leverage", "return notional * leverage"),
    Mutation("largest leverage without looking at the bracket's end", BRACKETS,
             "reach = min(limit, rung.upper / stake)", "reach = limit"),
    Mutation("maintenance divided by leverage", ACCOUNT,
             "return terms.rules[position.symbol].position_maintenance(",
             "return 1 / position.leverage * terms.rules[position.symbol].position_maintenance("),
    Mutation("leverage in maintenance: own leverage for the asset's limit", ACCOUNT,
             "position.side, abs(position.size), position.entry_price, wallet, cross",
             "position.side, abs(position.size), position.entry_price, wallet, "
             "rate=1 / (2 * position.leverage), cross"),
    Mutation("maintenance zero", RULES, "return float(self._held(abs(size), entry, mark, cross))",
             "return 0.0 * float(self._held(abs(size), entry, mark, cross))"),
    Mutation("amount of a bracket from its own rate only", BINANCE,
             "amount_below - margin.maintenance(floor, rate_below, 0.0)", "amount_below"),
    Mutation("hedge: both legs fall alike", BINANCE,
             "long * (1 - one.rate) - short * (1 + two.rate)",
             "long * (1 - one.rate) - short * (1 - two.rate)"),
    Mutation("hedge: the first of two prices", BINANCE,
             "return min(found, key=lambda price: abs(price - mark))", "return found[0]"),
)

VENUES = (
    Mutation("Bybit: side sign of the fee to close", BYBIT,
             "(1 - side / leverage) * fee", "(1 + side / leverage) * fee"),
    Mutation("Bybit: side sign of added inverse margin", BYBIT,
             "extra / (1 + side * fee)", "extra / (1 - side * fee)"),
    Mutation("Bybit: the inverse page of today for all dates", BYBIT,
             "return not cross and", "return False and not cross and"),
    Mutation("Bybit: fee to close left out of positionMM", BYBIT,
             "position_value * rate - deduction + close_fee(position_value, leverage, side, fee)",
             "position_value * rate - deduction"),
    Mutation("OKX: fee left out of the printed ratio", OKX,
             "return (margin + unrealised) / (maintenance + position_value * fee)",
             "return (margin + unrealised) / maintenance"),
    Mutation("Gate: taker fee for the documented closing fee", GATE,
             "CLOSING_FEE = 0.00075", "CLOSING_FEE = 0.0005"),
    Mutation("Hyperliquid: maintenance equal to initial margin", HYPERLIQUID,
             "return 1 / (2 * max_leverage)", "return 1 / max_leverage"),
    Mutation("Hyperliquid: the rule of March 2023", HYPERLIQUID,
             "available / size / (1 - rate * side)", "available / size"),
    Mutation("Hyperliquid: sign in the raw form", HYPERLIQUID,
             "(signed_size * (1 - rate * side))", "(signed_size * (1 + rate * side))"),
    Mutation("Hyperliquid: division before the clamp", HYPERLIQUID,
             "whole = mean_premium + np.clip(interest - mean_premium, -clamp, clamp)",
             "whole = mean_premium + np.clip((interest - mean_premium) / divide_by, -clamp, clamp)"
             " * divide_by"),
    Mutation("Hyperliquid: no division at all", HYPERLIQUID,
             "np.clip(whole / divide_by, -cap, cap)", "np.clip(whole, -cap, cap)"),
    Mutation("Hyperliquid: no cap on the hourly rate", HYPERLIQUID,
             "return np.clip(whole / divide_by, -cap, cap)", "return whole / divide_by"),
    Mutation("Hyperliquid: premium sign", HYPERLIQUID,
             "return (above - below) / oracle", "return (below - above) / oracle"),
    Mutation("Hyperliquid: a spread around the oracle counts as premium", HYPERLIQUID,
             "above = np.maximum(impact_bid - oracle, 0.0)", "above = impact_bid - oracle"),
    Mutation("Hyperliquid: mark for oracle", HYPERLIQUID,
             'funding_price: ClassVar[str] = "oracle"', 'funding_price: ClassVar[str] = "mark"'),
    Mutation("oracle for mark", RULES,
             'funding_price: ClassVar[str] = "mark"', 'funding_price: ClassVar[str] = "oracle"'),
    Mutation("Hyperliquid: stops watch last", HYPERLIQUID,
             'stop_trigger: ClassVar[str] = "mark"', 'stop_trigger: ClassVar[str] = "last"'),
    Mutation("today's ladder for all history", LOOKUP,
             "past = [item for item in dated if _observed_ns(item) <= when]", "past = dated"),
    Mutation("a closed ladder used on", LADDER,
             "return closed is not None and self.at_ns >= timestamps.parse(closed)",
             "return False"),
    Mutation("a later ladder assumed in silence", LADDER,
             'in ("undated or unverified", "nearest later")', 'in ("undated or unverified",)'),
)

FEES = (
    Mutation("an amount without its rate counts for nothing", SOLVE,
             "    if rate is None:\n        raise UsageError(\"a maintenance amount",
             "    if False:\n        raise UsageError(\"a maintenance amount"),
    Mutation("one's own fees do not reach maintenance", RULES,
             "replace(self, closing_fee=fees.taker) if self.fee_inside else self", "self"),
    Mutation("the maker fee held inside maintenance", RULES,
             "closing_fee=fees.taker)", "closing_fee=fees.maker)"),
    Mutation("a change of ladder one period late", LOOKUP,
             "if from_ns < moment <= to_ns and", "if from_ns < moment < to_ns and"),
)

WINDOW = (
    Mutation("grace ignored", RULES,
             "late < (self.funding_grace if grace is None else grace)", "late < 0.0"),
    Mutation("grace includes its end", RULES,
             "late < (self.funding_grace if grace is None else grace)",
             "late <= (self.funding_grace if grace is None else grace)"),
    Mutation("closed at the stamp is not charged", RULES, "and stamp <= closed",
             "and stamp < closed"),
    Mutation("opened at the stamp is not charged", RULES, "(late <= 0 or late < (",
             "(late < 0 or 0 < late < ("),
)

MUTATIONS = ARITHMETIC + PRICES + MARGINS + VENUES + FEES + WINDOW
