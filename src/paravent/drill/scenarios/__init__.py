"""The thefts on a running Paravent, a file for each kind of loot (docs/drill.md)."""
