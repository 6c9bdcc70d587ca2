"""What the parser says of a wrong line, in the words of a person instead of its own."""

from __future__ import annotations

from mail_proxy.cli._typer import BadParameter, ClickException, NoSuchOption, Parameter

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
