"""Samples of what leaves no row of its own: every 15 s, for the reports.

`service` takes them, each source by itself: `kafka` (lag and offsets), `flink` (event time and processes), `services` (what a process
uses). `store` keeps them and drops the old.
"""
