"""Trap persons of an insurer (*leurres*): published like members, of nobody; opening one alarms (protocol.md 9.15)."""
