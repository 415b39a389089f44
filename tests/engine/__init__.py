"""The engine's promise: whichever bars it visits, the run is the same (docs/clock.md)."""
