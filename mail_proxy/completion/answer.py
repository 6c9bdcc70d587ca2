"""From the words of a line to the lines that a shell's script reads.

`value<TAB>what it is`, a line for each, or `__files__`, also with a pattern, as `__files__:*.eml`.
Whatever goes wrong, nothing is offered: a person is typing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence

from mail_proxy.completion import names
from mail_proxy.completion.line import Wanted, wanted

_TREE = os.path.join(os.path.dirname(__file__), "tree.json")  # noqa: PTH118, PTH120 - pathlib is slow


def main(argv: Sequence[str]) -> int:
    """argv: what follows `__complete`. Always 0."""
    try:
        lines = answer([word for word in argv[:1] if word != "--"] + [*argv[1:]], os.environ)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001, S110 - whoever presses Tab wants no error in the line
        pass
    return 0


def answer(words: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """words: of the line after the program's name; the last one is being typed, perhaps empty."""
    with open(_TREE, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow
        tree = json.load(file)
    *before, current = joined(words) or [""]
    root = names.home(environ, before)
    found = wanted(tree, before, current, names.chosen(root, environ))
    if found.files is not None:
        return ["__files__" + (f":{found.files}" if found.files else "")]
    lines = [
        f"{found.prefix}{value}\t{help_}"
        for value, help_ in found.offers
        if value.startswith(found.typed)
    ]
    try:
        looked_up = _looked_up(found, root, environ)
    except Exception:  # noqa: BLE001 - a database that is locked or damaged; words are known without
        looked_up = []
    return lines + [f"{found.prefix}{name}\t{found.what}" for name in looked_up]


def _looked_up(found: Wanted, root: str, environ: Mapping[str, str]) -> list[str]:
    if not found.what:
        return []
    if found.what == "instance":
        return names.instances(root, found.typed)
    database = names.database(root, found.instance, environ)
    return names.ids(database, found.what, found.tenant, found.typed) if database else []


def joined(words: Sequence[str]) -> list[str]:
    """bash takes `--output=json` and `state:held` for three words; here they are one again."""
    joined: list[str] = []
    is_cut = False  # after a colon that stands alone
    for word in words:
        is_option = bool(joined) and joined[-1].startswith("--")
        if is_option and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        elif joined and (is_cut or word == ":"):
            joined[-1] += word
            is_cut = word == ":"
        else:
            joined.append(word)
    return joined
