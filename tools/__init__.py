"""The function tools the model sees, and the knowledge base beneath them."""
