"""Tests of the pages of HTML."""
