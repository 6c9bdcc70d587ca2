"""The guided forms that CLI, REPL and dashboard share.

`fields`, `account`, `tenant` and `message` say what is asked and what is a good answer; they know
no screen. `prompting` asks on a terminal, and imports prompt-toolkit: load it when there is one.
"""

__all__: list[str] = []
