"""The pages: what ``ossifrage serve`` shows in a browser, and the file that ``traces export --html`` writes."""
