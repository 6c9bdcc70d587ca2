"""The description of the API says what the table of commands says, and shows what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mail_proxy.api.openapi import document, document_text
from mail_proxy.operations.table import OPERATIONS
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.posted import PostedMessage
from mail_proxy.wire.routes import ROUTES, Route
from tests.docs.examples import DOCUMENT, examples, recorded

PUBLISHED = [route for route in ROUTES.values() if route.scope < Scope.LOCAL]
named = pytest.mark.parametrize("route", PUBLISHED, ids=lambda route: route.name)


def described(route: Route) -> dict[str, Any]:
    return document()["paths"][route.path][route.method.lower()]


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from everything(item)


def test_what_only_the_machine_itself_may_is_left_out() -> None:
    found = {op["operationId"] for path in document()["paths"].values() for op in path.values()}

    assert found == {route.name for route in PUBLISHED}


@named
def test_a_route_has_a_sentence_of_its_own(route: Route) -> None:
    operation = described(route)

    assert operation["summary"] not in ("", route.name)
    assert operation["summary"].endswith(".") is False
    assert "Raises" not in operation["summary"] + operation["description"]


@named
def test_every_field_of_a_request_stands_in_one_place(route: Route) -> None:
    operation = described(route)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields_of = dict(route.headers)
    places = [fields_of.get(p["name"], p["name"]) for p in operation.get("parameters", [])]
    places += body.get("schema", {}).get("properties", {})

    fields = OPERATIONS[route.name].request.model_fields
    names = [field.alias or name for name, field in fields.items()]
    if route.method in ("GET", "DELETE"):
        elsewhere = {*route.query, *fields_of.values()}
        names = [name for name in names if name in elsewhere or f"{{{name}}}" in route.path]
    assert sorted(places) == sorted(names)


@named
def test_who_may_is_told(route: Route) -> None:
    operation = described(route)

    assert (operation.get("security") == []) is (route.scope is Scope.PUBLIC)
    if route.scope is Scope.ADMIN:
        assert "admin's token only" in operation["description"]
    assert ("401" in operation["responses"]) is (route.scope is not Scope.PUBLIC)


def test_every_reference_leads_somewhere() -> None:
    shapes = document()["components"]["schemas"]
    references = {found["$ref"] for found in everything(document()) if "$ref" in found}

    assert references == {f"#/components/schemas/{name}" for name in shapes}


def test_no_word_of_the_library_is_left_in_a_schema() -> None:
    words = {"ge", "gt", "le", "lt", "max_length", "min_length", "allow_inf_nan"}

    assert [found for found in everything(document()) if words & found.keys()] == []


def test_a_posted_message_is_described_as_the_intake_reads_it() -> None:
    messages = described(ROUTES["addMessages"])["requestBody"]["content"]["application/json"]
    items = messages["schema"]["properties"]["messages"]["items"]

    assert items == {"$ref": "#/components/schemas/PostedMessage"}
    assert PostedMessage.__doc__


@named
def test_a_route_has_an_example(route: Route) -> None:
    """What is sent stands in mail_proxy/api/examples.json; `make openapi` adds the answer."""
    assert [example for example in examples() if example["command"] == route.name]


def test_the_copy_in_the_manual_is_of_now() -> None:
    """Else `make openapi` renews it."""
    assert DOCUMENT.read_bytes() == document_text()


@pytest.mark.slow
async def test_the_examples_are_what_is_answered() -> None:
    """Else `make openapi` renews them: look at what has changed."""
    assert await recorded() == examples()
