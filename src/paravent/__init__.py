"""Paravent: third-party payment for optics whose breach opens almost no file."""
