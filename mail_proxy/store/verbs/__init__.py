"""The verbs of the store on SQLite, by noun."""
