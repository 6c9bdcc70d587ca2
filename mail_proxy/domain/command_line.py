"""The commands that a person is told to run next, as a shell takes them.

Ids and paths are foreign text: pasted as it is, one of them would be several words, or another
command. Whatever the program says to run is composed here.
"""

from __future__ import annotations

import shlex

from mail_proxy.domain.safe_text import safe_text


def command_line(*words: str) -> str:
    """`mail-proxy WORDS...`."""
    return shell_line("mail-proxy", *words)


def shell_line(*words: object) -> str:
    """Words that stay words for a shell, and that no terminal acts on."""
    return " ".join(_quoted(str(word)) for word in words)


def by_id(id_: object, *options: str) -> tuple[str, ...]:
    """An id and the options after it; one that reads as an option stands behind `--`, at the end.

    What else follows by position comes with `options`.
    """
    text = str(id_)
    return (*options, "--", text) if text.startswith("-") else (text, *options)


def option(name: str, value: object) -> tuple[str, ...]:
    """An option and its value; one that reads as an option itself is tied to its name."""
    text = str(value)
    return (f"{name}={text}",) if text.startswith("-") else (name, text)


def _quoted(word: str) -> str:
    if safe_text(word, len(word)) == word:
        return shlex.quote(word)
    # Without its controls it would name something else: `$'...'` tells them, in bash, zsh and ksh.
    return "$'" + "".join(_escaped(character) for character in word) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if safe_text(character) == character:
        return character
    return "".join(f"\\{octet:03o}" for octet in character.encode("utf-8", "surrogatepass"))
