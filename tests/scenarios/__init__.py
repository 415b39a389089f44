"""Tests of the embedded scenarios."""
