"""Stolen device keys: how many persons they open, against the published bound."""
