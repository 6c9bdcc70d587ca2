"""Tables for people: what a list shows, how a cell looks, and the one printer of them.

`columns` says how a value looks to a person and to a program, `lists` which columns each list has,
and `drawing` draws them with rich: import it late, when a terminal reads.
"""

__all__: list[str] = []
