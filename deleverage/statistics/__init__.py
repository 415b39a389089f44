"""Figures of a run: pure functions of the journal and the market's columns.

Money is in the quote currency and signed as seen by the account: a gain is positive, a cost
negative. Shares and returns are fractions (0.1 is 10 %). Times are UTC nanoseconds (``_ns``) or
hours (``_h``). A figure that cannot be computed is None, never NaN.

====================  ==========================================================================
tiers                 bands of leverage and their names
episodes              positions from flat to flat, and the money each of them booked
clock                 the union clock of instruments, marks carried along it
marks, wallet         the mark judged on; running sums of the journal
placing               the bars the account walked; records in the bars their time lies in
curves                per-bar equity, wallet, position, liquidation price, leverages
path, excursions      worst and best mark of a position, buffer used
trades                the trade list and what it adds up to
drawdown              depth, length, share of time, worst inside the bar
exposure              time by current tier, money by tier at entry
near_miss             positions that came close and lived
liquidations          forced closes, by what the mark was known from
funding               the funding ledger, by state of each settlement
performance           returns, annual figures, withheld on short samples
costs                 from gross to net
leverage_scan         the same strategy at every leverage: rows of the table
holdings, adverse     what the strategy held of a position, and the worst marks it met meanwhile
plans, replay         what a trade was meant to do; the same trade at another leverage
paradox               right on direction and liquidated; what each trade would have survived
frontier              share surviving and P&L, every trade at every leverage
cascades              the cascades of the market, as whole windows
cascade_table         what was traded in each, and P&L inside them, after them, elsewhere
noise                 which differences between two runs are larger than noise, paired by cascade
summary               all of the above as one nested dict
====================  ==========================================================================
"""
