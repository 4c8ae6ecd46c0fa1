"""The benchmarks: each figure beside its floor or its peer, in the same run. Never a verdict, never a test."""
