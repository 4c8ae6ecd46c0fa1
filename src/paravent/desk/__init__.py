"""The desk: the optician's own machine; corrections and identities stay on it."""
