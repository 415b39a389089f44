"""Import this package as ``deleverage.feeds``."""

if __name__ != "deleverage.feeds":
    raise ImportError(
        f"import 'deleverage.feeds', not {__name__!r}: one file must not get two module names"
    )
