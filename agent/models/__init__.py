"""What the OpenAI Agents SDK asks: models over token engines, and models of chat and responses servers."""
