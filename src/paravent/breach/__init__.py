"""The breach desk: what two custodians open of the witness logs, for one case; it knows no person."""
