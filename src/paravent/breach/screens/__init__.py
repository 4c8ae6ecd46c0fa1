"""The console of the breach desk: cases, their clocks and what proves them; no insured person (docs/screens.md)."""
