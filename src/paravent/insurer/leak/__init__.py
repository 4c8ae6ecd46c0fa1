"""Leak matcher of the insurer: is a leaked sample ours, of which dates, from which recipient (docs/leak-matcher.md)."""
