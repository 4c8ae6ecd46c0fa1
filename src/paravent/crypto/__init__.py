"""The mechanisms of protocol 1, pure: no clock, disk, network; randomness comes as ``rng``."""
