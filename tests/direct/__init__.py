"""Runs without an engine are those of the engine."""
