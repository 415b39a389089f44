"""Tests of market data: tables, joins, datasets, readers, backtrader feeds."""
