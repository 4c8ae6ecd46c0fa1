"""The desk's screens: what an optician does at the counter, on loopback only (docs/screens.md)."""
