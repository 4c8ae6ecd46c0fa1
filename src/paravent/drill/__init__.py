"""The attacker, and the population it attacks: synthetic persons who can be nobody."""
