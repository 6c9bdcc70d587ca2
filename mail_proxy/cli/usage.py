"""What the parser says of a wrong line, in the words of a person instead of its own."""

from __future__ import annotations

from mail_proxy.cli._typer import (
    BadParameter,
    ClickException,
    MissingParameter,
    NoSuchOption,
    Parameter,
)
from mail_proxy.cli.grammar import Group

_OF_NEW_ONES = frozenset({"start", "restore"})  # their name is one that nothing has yet
_KINDS = {"int": "a whole number", "int range": "a whole number", "float": "a number"}


def in_words(error: ClickException) -> str:
    """One sentence: what is wrong with which option."""
    if isinstance(error, NoSuchOption):
        guesses = " or ".join(sorted(error.possibilities or ()))
        return f"no such option: {error.option_name}." + (
            f" Did you mean {guesses}?" if guesses else ""
        )
    if isinstance(error, BadParameter) and error.param is not None and error.message:
        must = _must_be(error.param)
        if must:
            return f"{_name(error.param)} must be {must}"
        return f"{_name(error.param)}: {error.message}"
    message = error.format_message()
    return message[:1].lower() + message[1:]


def where_it_is_found(error: ClickException) -> tuple[str, ...]:
    """Of an id or a name that is missing, the line that lists them."""
    if not isinstance(error, MissingParameter) or error.param is None or error.ctx is None:
        return ()
    above = error.ctx.parent
    names_one = _name(error.param) in ("ID", "NAME") and error.ctx.info_name not in _OF_NEW_ONES
    if above is None or not names_one or not isinstance(above.command, Group):
        return ()
    return (f"{above.command_path} list",) if "list" in above.command.list_commands(above) else ()


def _name(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name or "").strip("[]")
    return max(parameter.opts, key=len)


def _must_be(parameter: Parameter) -> str:
    """`a whole number, 0 to 3`; empty for what is no number."""
    kind = _KINDS.get(parameter.type.name)
    if kind is None:
        return ""
    least, most = (getattr(parameter.type, end, None) for end in ("min", "max"))
    if least is not None and most is not None:
        return f"{least} to {most}"
    if least is not None:
        return f"{kind}, {least} or more"
    return kind if most is None else f"{kind}, at most {most}"
