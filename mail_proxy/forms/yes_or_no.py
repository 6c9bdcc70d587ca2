"""A question that is answered by yes or no, whoever puts it and wherever the answer comes from."""

from __future__ import annotations

from collections.abc import Callable


def ask(
    question: str, put: Callable[[str], str], say: Callable[[str], None], *, enter: bool = False
) -> bool:
    """What was meant; what is neither yes nor no is asked again.

    put: shows the question and returns the line that was typed; what it raises goes through.
    enter: what Enter alone means.
    """
    letters = "[Y/n]" if enter else "[y/N]"
    while True:
        match put(f"{question} {letters} ").strip().lower():
            case "y" | "yes":
                return True
            case "n" | "no":
                return False
            case "":
                return enter
        say("Please answer y or n.")
