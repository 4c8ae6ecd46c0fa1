"""What each party depends on, taken away and given back: what works meanwhile, and what answers which refusal."""
