"""What the Tab key offers: `mail-proxy __complete -- WORDS... CURRENT`.

It runs at each press of the key, so it imports nothing but `os`, `sys`, `re`, `json` and, where ids
of a database are wanted, `sqlite3`; a test holds that. What other modules have is said again here
for that reason, and a test compares it. `tree.json` has the words; `make manual` renews it.

Ids come over the network, and what is printed here stands on somebody's command line: nothing is
offered that has a letter which a shell could take for more.
"""

__all__: list[str] = []
