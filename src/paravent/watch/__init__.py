"""Detectors: pure functions over counts that hold no person (docs/watch.md section 7)."""
