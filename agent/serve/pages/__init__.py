"""The pages: what ``ossifrage serve`` shows in a browser, and the file of ``traces export --html``."""
