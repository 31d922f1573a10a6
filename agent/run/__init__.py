"""One question, from the first model call to the checked answer."""
