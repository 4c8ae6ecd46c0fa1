"""The observatory: incidents of the sector, read from what others publish, counted and compared (docs/watch.md)."""
