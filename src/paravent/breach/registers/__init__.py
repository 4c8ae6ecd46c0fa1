"""Registers: measures answered by evidence (docs/watch.md section 8)."""
