"""Tests of deleverage; run them with ``make test``."""
