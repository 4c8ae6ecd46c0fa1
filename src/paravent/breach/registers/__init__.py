"""Registers: measures answered by evidence, processor contracts, records of processing (docs/governance.md)."""
