"""Ossifrage as an agent in editors, by the Agent Client Protocol."""
