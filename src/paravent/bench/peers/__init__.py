"""What a user would pick instead, on the same work and the same persons (docs/drill.md)."""
