"""Detectors: pure functions over counts that hold no person (docs/detection.md)."""
