"""Campaigns of letters to operators and insurers: who was written to, who answered, who is late."""
