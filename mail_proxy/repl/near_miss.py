"""A name that `proxy` does not have: told in a line, with the one that was meant."""

from __future__ import annotations

import re

from mail_proxy.client import verbs
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.suggest import near
from mail_proxy.repl import speech
from mail_proxy.repl.results import Record, Table


def tell_near_miss(error: BaseException) -> bool:
    """Whether it was one of ours, and is told."""
    if not isinstance(error, AttributeError) or not error.name:
        return False
    missing = no_such_name(error.obj, error.name)
    if missing is None:
        return False
    speech.tell_error(missing)
    return True


def no_such_name(of: object, name: str) -> Invalid | None:
    """The error to tell; None for what is not ours."""
    path = path_of(of)
    if not path:
        return None
    if isinstance(of, Record) and name in of:
        return Invalid(f"{path} has its fields as a dict does", hint=f'["{name}"]')
    names = [known for known in dir(of) if not known.startswith("_")]
    guesses = near(name, names)
    if guesses:
        meant = " or ".join(f"{path}.{guess}" for guess in guesses)
        return Invalid(f"{path} has no '{name}'. Did you mean {meant}?")
    return Invalid(f"{path} has no '{name}'. It has {', '.join(names)}")


def path_of(of: object) -> str:
    """What a person types for it; empty for what is not ours."""
    if isinstance(of, verbs.Instance):
        return "proxy"
    if isinstance(of, verbs.Noun):
        return f"proxy.{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', type(of).__name__).lower()}"
    if isinstance(of, Table):
        return "a table"
    return "a record" if isinstance(of, Record) else ""
