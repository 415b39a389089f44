"""What charts show, as arrays: thinned, cumulated, counted. Pages and plots draw it.

Each chart is a frozen record made from a result's own curves and figures; how it looks is the
affair of whoever draws it. Times are UTC nanoseconds, money is in the quote currency.
"""
