"""The state of a party, checked by itself (docs/governance.md)."""
