"""Tables of bars, orders and what the account must make of them, worked out by hand."""
