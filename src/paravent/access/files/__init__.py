"""The files of a home as ransomware meets them: planted ones, and the shape of the others (docs/detection.md)."""
