"""The REPL: `mail-proxy NAME connect`. `session.run` opens it; only `__main__` calls that."""

__all__: list[str] = []
