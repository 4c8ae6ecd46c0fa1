"""Structure-aware fuzzing of every parser that faces the outside (docs/drill.md)."""
