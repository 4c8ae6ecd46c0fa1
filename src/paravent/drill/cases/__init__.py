"""The three worked cases: attacks on the parties' real code, and what their breach desk makes of them."""
