"""Import this package as ``deleverage.analyzers``."""

if __name__ != "deleverage.analyzers":
    raise ImportError(
        f"import 'deleverage.analyzers', not {__name__!r}: one file must not get two module names"
    )
