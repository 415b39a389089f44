"""Tests of what the benchmarks stand on: their market, and the yardstick's two forms."""
