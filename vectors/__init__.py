"""Test vectors: published ones, and those of the project's own constructions with what generates them."""
