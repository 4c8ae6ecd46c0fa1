"""Every party in one process under a seed: what goes wrong, and what must hold all the same."""
