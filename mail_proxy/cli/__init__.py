"""The command line: one module per family of commands; they know Control and nothing deeper.

Import `mail_proxy.cli.main` for `run`. This file imports nothing, because `mail-proxy --help` pays
for each import.
"""

__all__: list[str] = []
