"""Tests of the scripts that serve the project's own pages."""
