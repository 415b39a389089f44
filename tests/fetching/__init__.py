"""Tests of what is downloaded, against servers of the loopback that answer as vendors document."""
