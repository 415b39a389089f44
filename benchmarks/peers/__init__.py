"""The same job in other backtesters, each in a virtual environment of its own.

``make bench-peers`` installs them from the package index into the user's cache folder, outside the
repository, and prints ratios of CPU time to ours and to the yardstick. Their jobs run in their own
Python with this repository on the path, and use NumPy and :mod:`benchmarks.signals` only.
"""
