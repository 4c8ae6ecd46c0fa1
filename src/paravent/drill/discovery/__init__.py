"""Whoever tries to tell trap persons from members: what he looks at, how he learns, how well (docs/drill.md)."""
