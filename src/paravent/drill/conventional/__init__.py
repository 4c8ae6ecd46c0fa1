"""The conventional platform that the drill compares with: a portal, passwords, one database (docs/drill.md)."""
