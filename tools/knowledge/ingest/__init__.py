"""From files, folders, archives and pages to passages."""
