"""What all request models share: texts, numbers, ids, and how a wrong one is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

from mail_proxy.config.instances import ENTITY_ID
from mail_proxy.domain.errors import Invalid, Malformed
from mail_proxy.domain.message import check_text
from mail_proxy.domain.units import LATEST_TS
from mail_proxy.secrets import mask

_CONTAINER_FAULTS = frozenset({"list_type", "dict_type", "model_type", "model_attributes_type"})
_SHOWN_LIMIT = 100  # characters of a wrong value that are sent back
_SHOWN_BITS = 256


class Request(BaseModel):
    """A command's fields. Unknown ones are ignored, as they always were on this wire."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TenantRequest(Request):
    """A command on a tenant's rows; the door puts the caller's own id here."""

    tenant_id: Text | None = Field(
        default=None, description="Whose; a tenant's token means its own, whatever is left out."
    )


class NoFields(Request):
    """A command that needs nothing."""


R = TypeVar("R", bound=Request)


def parse_request(model: type[R], payload: object) -> R:
    """The request in `payload`, a JSON value.

    Raises Malformed when it is no object or a container in it has the wrong type, Invalid naming
    the field for every other fault.
    """
    if not isinstance(payload, Mapping):
        raise Malformed("the body must be a JSON object", detail=[_not_an_object(payload)])
    try:
        return model.model_validate(dict(payload))
    except ValidationError as error:
        raise _told(error) from None


def _told(error: ValidationError) -> Invalid:
    faults = error.errors(include_url=False, include_context=False)
    first = faults[0]
    field = ".".join(str(part) for part in first["loc"])
    sentence = f"{field}: {first['msg']}"
    if first["type"] == "missing":
        sentence = f"missing {field}"
    elif first["type"] == "extra_forbidden":
        sentence = f"{field}: there is no such field"
    if not any(fault["type"] in _CONTAINER_FAULTS for fault in faults):
        return Invalid(sentence, field=field)
    detail = [
        {
            "type": fault["type"],
            "loc": ["body", *fault["loc"]],
            "msg": fault["msg"],
            "input": _shown_at(fault["loc"], fault["input"]),
        }
        for fault in faults
    ]
    return Malformed(sentence, field=field, detail=detail)


def _not_an_object(payload: object) -> dict[str, Any]:
    return {
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": "Input should be a JSON object",
        "input": _shown(payload),
    }


def _shown_at(place: Sequence[int | str], value: object) -> object:
    """The same, masked at the place of a secret: answers are logged by those who get them."""
    shown = _shown(value)
    if isinstance(value, dict | list):
        return shown  # nothing of what is in it
    for name in (name for name in place if isinstance(name, str)):
        shown = mask({name: shown})[name]
    return shown


def _shown(value: object) -> object:
    """A wrong value as far as it helps: whole bodies and long texts are not sent back."""
    if isinstance(value, dict | list):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, str):
        # An answer is UTF-8, which has no half of a surrogate pair.
        return value[:_SHOWN_LIMIT].encode("utf-8", "replace").decode()
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return "a very large number"
    return value if isinstance(value, bool | int | float | None) else type(value).__name__


# --- types of fields ---


def _text(value: str, info: ValidationInfo) -> str:
    check_text(value, field=info.field_name or "text")
    return value


def _line(value: str, info: ValidationInfo) -> str:
    _text(value, info)
    # A control character in a host, a user or a folder would speak to a server as a command.
    if not value.isprintable():
        field = info.field_name or "text"
        raise Invalid(f"{field}: control characters are not allowed", field=field)
    return value


def _url(value: str, info: ValidationInfo) -> str:
    field = info.field_name or "url"
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in value
        _ = parts.port  # a port that is none raises
    except ValueError:
        is_good = False
    if not is_good:
        raise Invalid(f"{field}: an http or https URL is needed", field=field)
    if parts.username is not None or parts.password is not None:
        raise Invalid(f"{field}: credentials belong into fields of their own", field=field)
    return value


def _no_bool(value: object, info: ValidationInfo) -> object:
    if isinstance(value, bool):
        field = info.field_name or "number"
        raise Invalid(f"{field}: a number is needed, not true or false", field=field)
    return value


def _entity_id(value: str, info: ValidationInfo) -> str:
    if not ENTITY_ID.match(value):
        field = info.field_name or "id"
        raise Invalid(f"{field}: use 1 to 64 letters, digits, '-' and '_'", field=field)
    return value


Text = Annotated[str, AfterValidator(_text)]
Line = Annotated[str, Field(max_length=1000), AfterValidator(_line)]
Url = Annotated[Line, AfterValidator(_url)]
Secret = Annotated[str, Field(max_length=8000), AfterValidator(_line)]  # a signed token is long
EntityId = Annotated[
    str, AfterValidator(_entity_id), Field(json_schema_extra={"pattern": "^[A-Za-z0-9_-]{1,64}$"})
]
Int = Annotated[int, BeforeValidator(_no_bool)]
Count = Annotated[Int, Field(ge=0, le=2**31 - 1)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Seconds = Annotated[Number, Field(ge=0, le=LATEST_TS, allow_inf_nan=False)]
Timestamp = Seconds  # since the epoch

TenantRequest.model_rebuild()
