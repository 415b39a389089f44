"""Import this package as ``deleverage.strategies``."""

if __name__ != "deleverage.strategies":
    raise ImportError(
        f"import 'deleverage.strategies', not {__name__!r}: one file must not get two module names"
    )
