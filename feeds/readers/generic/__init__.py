"""Any CSV or Parquet file, by a map of its columns."""

from deleverage.feeds.readers.generic.reader import READER

__all__ = ["READER"]
