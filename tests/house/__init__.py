"""The house itself: layout, imports, the wheel."""
