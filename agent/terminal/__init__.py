"""What the command line and the prompt share: how events, results and progress look on a terminal."""
