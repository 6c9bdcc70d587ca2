"""From a command to a request, and from a response to an answer or an error."""

from __future__ import annotations

import json

import pytest

from mail_proxy.control.request import answer_from, request_for
from mail_proxy.domain import errors
from mail_proxy.wire.routes import ROUTES, Route


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.name)
def test_every_command_has_a_request(route: Route):
    fields = {"tenant_id": "acme", "account_id": "main", "id": "1", "key_id": "first"}
    fields |= {"token": "t-1-s", "filename": "a.pdf"}
    wanted = {name: value for name, value in fields.items() if "{" + name + "}" in route.path}

    request = request_for(route.name, wanted)

    assert request.method == route.method
    assert request.target == route.path.format(**fields)


def test_a_command_may_be_spelled_loosely():
    assert request_for("run now", {}) == request_for("runNow", {})


def test_an_unknown_command_is_not_found():
    with pytest.raises(errors.NotFound, match="fly"):
        request_for("fly", {})


def test_fields_go_where_the_table_says():
    request = request_for(
        "deleteMessages", {"tenant_id": "acme & sons", "ids": ["1", "é"], "note": None}
    )

    assert request.target == "/commands/delete-messages?tenant_id=acme+%26+sons"
    assert json.loads(request.body or b"") == {"ids": ["1", "é"], "note": None}


def test_an_absent_query_field_is_left_out():
    request = request_for("suspend", {"tenant_id": "acme", "batch_code": None})

    assert request.target == "/commands/suspend?tenant_id=acme"


def test_booleans_are_words_in_a_query():
    assert request_for("listTenants", {"active_only": True}).target == "/tenants?active_only=true"


@pytest.mark.parametrize(
    ("message_id", "encoded"),
    [
        ("a/b", "a%2Fb"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("../x", "..%2Fx"),
        ("a?b#c%", "a%3Fb%23c%25"),
        ("é", "%C3%A9"),
    ],
)
def test_an_id_in_a_path_is_one_segment(message_id: str, encoded: str):
    assert request_for("getMessage", {"id": message_id}).target == f"/messages/{encoded}"


@pytest.mark.parametrize(
    ("command", "fields", "named"),
    [
        ("getMessage", {}, "id"),
        ("getMessage", {"id": ""}, "id"),
        ("getMessage", {"id": "\ud800"}, "id"),
        ("listMessages", {"subject": "\udc00"}, "subject"),
        ("listTenants", {"actve_only": True}, "actve_only"),
    ],
)
def test_a_field_that_cannot_travel_is_named(command: str, fields: dict[str, object], named: str):
    with pytest.raises(errors.Invalid) as e:
        request_for(command, fields)

    assert e.value.field == named


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud800"])
def test_a_body_that_is_no_json_is_invalid(value: object):
    with pytest.raises(errors.Invalid):
        request_for("addTenant", {"id": value})


def test_a_failure_comes_back_as_the_error_it_was():
    body = {"ok": False, "error": "no", "detail": ["x"], "code": "invalid", "field": "id"}

    with pytest.raises(errors.Invalid, match="no") as e:
        answer_from(400, "application/json", json.dumps(body).encode(), request_id="call-7")

    assert (e.value.field, e.value.detail) == ("id", ["x"])
    assert e.value.request_id == "call-7"


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"[]"), (502, b"<html>"), (500, b"[" * 100_000), (401, b"null")],
)
def test_the_answer_of_a_stranger_is_an_error(status: int, body: bytes):
    with pytest.raises(errors.MailProxyError):
        answer_from(status, "text/html", body)


def test_plain_text_is_the_text_of_an_answer():
    answer = answer_from(200, "text/plain; version=0.0.4", "é 1.0\n".encode())

    assert answer == {"ok": True, "text": "é 1.0\n"}
