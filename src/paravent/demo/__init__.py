"""The demonstration: every party as a real process on loopback, and the story of one pair of glasses."""
