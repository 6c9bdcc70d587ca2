"""How the faces reach an instance, daemon up or down: one verb, `call`.

`base` has the contracts. `open` picks for one-shot commands: `quick` (standard library only) while
a daemon answers, else `local`. `http` is for the REPL, the dashboard and scripts. Import the
modules themselves; some are heavy.
"""
