"""What is told to whom, in French, from measured facts; every figure says which entries it came from."""
