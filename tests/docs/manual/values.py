"""What kind of value a parameter takes, for the completion.

Names of parameters mean the same in all commands, so one table has them. A kind is one of:
`instance`, `tenant`, `account`, `message` (names that are looked up), `file` (with a `pattern`
perhaps), `choice` and `choices` (one of, or some by commas, `choices`), `place`
(`INSTANCE/TENANT`), `help` (words of a command), `filter` (a filter's words), `number` and `text`,
where nothing is offered.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from mail_proxy.bench.plan import MEASURES
from mail_proxy.cli._typer import Parameter
from mail_proxy.config.environment import VARIABLES
from mail_proxy.domain.filters import STATUS_WORDS
from mail_proxy.domain.message import PRIORITY_WORDS
from mail_proxy.forms.account import TLS_MODES
from mail_proxy.forms.oauth2 import PROVIDERS
from mail_proxy.forms.tenant import AUTH_METHODS
from mail_proxy.operations.reports import STATES
from mail_proxy.wire.accounts import AddAccount

Value = dict[str, Any]


def _choice(*words: str) -> Value:
    return {"kind": "choice", "choices": list(words)}


def _some(*words: str) -> Value:
    return {"kind": "choices", "choices": list(words)}


def _field(model: type[BaseModel], name: str) -> Value:
    """What the wire takes in a field of `Literal[...] | None`."""
    literal, _ = get_args(model.model_fields[name].annotation)
    return _choice(*get_args(literal))


_FILE: Value = {"kind": "file"}
_BY_NAME: dict[str, Value] = {
    "tenant_id": {"kind": "tenant"},
    "tenant": {"kind": "tenant"},
    "account_id": {"kind": "account"},
    "account": {"kind": "account"},
    "message_id": {"kind": "message"},
    "ids": {"kind": "message"},
    "message": {"kind": "message"},
    "place": {"kind": "place"},
    "words": {"kind": "help"},
    "file": _FILE,
    "attachment_folder": _FILE,
    "smtp_sink": _FILE,
    "tls_mode": _choice(*TLS_MODES),
    "auth_method": _choice(*AUTH_METHODS),
    "limit_behavior": _field(AddAccount, "limit_behavior"),
    "in_doubt": _field(AddAccount, "in_doubt"),
    "oauth2_provider": _choice(*PROVIDERS),
    "priority": _choice(*PRIORITY_WORDS),
    "answer": _choice("ok", "error", "hang", "drop", "cut"),
    "status": _some(*STATUS_WORDS),
    "filter_": {"kind": "filter"},
    "state": _some(*STATES),
    "only": _some(*MEASURES),
    "changes": _choice(*(f"{each.key}=" for each in VARIABLES if each.key)),
}

# Where a name means something else.
_BY_PATH: dict[tuple[str, ...], Value] = {
    ("accounts", "add", "account_id"): {"kind": "text"},
    ("accounts", "add", "auth_method"): _field(AddAccount, "auth_method"),
    ("accounts", "update", "auth_method"): _field(AddAccount, "auth_method"),
    ("tenants", "add", "tenant_id"): {"kind": "text"},
    ("send", "file"): {"kind": "file", "pattern": "*.eml"},
    ("restore", "name"): {"kind": "text"},
}

# Commands of the first level whose NAME is that of an instance that is there.
_OF_INSTANCES = ("start", "stop", "restart", "status", "delete", "backup", "doctor")


def value_of(parameter: Parameter, path: tuple[str, ...]) -> Value:
    """The kind of its value, with the `word` that the manual writes for it."""
    return {**_kind(parameter, path), "word": _word(parameter)}


def _kind(parameter: Parameter, path: tuple[str, ...]) -> Value:
    name = parameter.name or ""
    choices = getattr(parameter.type, "choices", None)
    if (*path, name) in _BY_PATH:
        return _BY_PATH[*path, name]
    if name == "name" and parameter.param_type_name == "argument":
        return {"kind": "instance" if path[0] in _OF_INSTANCES else "text"}
    if name in _BY_NAME:
        return _BY_NAME[name]
    if choices:
        return _choice(*map(str, choices))
    if name.endswith("_file"):
        return _FILE
    return {"kind": "number" if "int" in parameter.type.name else "text"}


def _word(parameter: Parameter) -> str:
    if parameter.metavar:
        return str(parameter.metavar).strip("[]").rstrip(".")
    return "N" if parameter.type.name in ("int", "int range", "float") else "TEXT"
