"""Measures the library against exact values and writes docs/accuracy.md: ``make accuracy``."""
