"""What reads the formats that need a process of their own: each module has a ``parse(data)`` for one format.

They give what JSON can hold, and import nothing of this package, so that the process starts quickly.
"""
