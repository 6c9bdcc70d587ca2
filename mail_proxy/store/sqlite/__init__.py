"""What is SQLite's own: the file, the connections, and the hot statements, one module a verb.

Each hot verb takes requests of one kind, from many callers, and sends few statements for all of
them: a list of keys travels as one JSON parameter (`json_each`), rows travel by `executemany`.
"""
