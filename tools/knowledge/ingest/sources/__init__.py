"""Which documents there are to read, and what to call them."""
