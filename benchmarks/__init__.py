"""Benchmarks: what a run costs, as ratios to yardsticks measured in the same session.

``make bench`` runs them; docs/performance.md says what was measured and what came out.
"""
