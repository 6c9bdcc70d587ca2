"""Over HTTP, what is another tenant's looks exactly like what is not there: status, headers, body.

Each route of the table is asked with ids in path, query, headers and body; a new route is too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from mail_proxy.api.openapi import document
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES, Route
from tests.end_to_end.served import NOWHERE, Served, mail, served

pytestmark = pytest.mark.slow

GUARDED = [route for route in ROUTES.values() if Scope.PUBLIC < route.scope < Scope.LOCAL]
named = pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)

# Names of the same length, so that answers can be compared byte for byte.
FOREIGN = {
    "tenant": "bravo",
    "account": "secret-main",
    "message": "secret-1",
    "batch": "secret-b",
    "key": "first",
}
ABSENT = {
    "tenant": "gamma",
    "account": "absent-main",
    "message": "absent-1",
    "batch": "absent-b",
    "key": "never",
}
Names = dict[str, str]
OF_EACH = frozenset({"Date", "X-Request-ID"})  # headers that tell nothing but which answer it is


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # Suspended: run-now wakes the sending of all.
    with served(tmp_path_factory.mktemp("foreign"), GMP_SCHEDULER_ACTIVE="false") as running:
        for tenant_id, account_id in (("acme", "main"), ("bravo", FOREIGN["account"])):
            body = {"id": tenant_id, "name": f"the name of {tenant_id}"}
            running.tokens[tenant_id] = running.ask("POST", "/tenant", body)["api_key"]
            account = {"id": account_id, "tenant_id": tenant_id, "host": NOWHERE, "port": 2525}
            running.ask("POST", "/account", account)
        message = mail(
            FOREIGN["message"], account_id=FOREIGN["account"], batch_code=FOREIGN["batch"]
        )
        assert running.post(message, who="bravo").status_code == 200
        yield running


def fields(names: Names, tenant_id: str | None, pk: int) -> dict[str, Any]:
    """A value for each name that a field may have; other fields are left out."""
    account_id, message_id = names["account"], names["message"]
    found = {
        "id": message_id,
        "ids": [message_id],
        "pk": pk,
        "account_id": account_id,
        "batch_code": names["batch"],
        "key_id": names["key"],
        "subject": "Hello",
        "filter": f"id:{message_id}",
        "messages": [mail(message_id, account_id=account_id)],
        "as": "sent",
        "host": NOWHERE,
        "port": 2525,
        "after": 0,
        "for_s": 0.05,  # streams end
    }
    return found if tenant_id is None else {**found, "tenant_id": tenant_id}


def ask(running: Served, route: Route, values: dict[str, Any], who: str) -> requests.Response:
    described = document()["paths"][route.path][route.method.lower()]
    query = {name: values[name] for name in route.query if name in values}
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = {
        name: values[name]
        for name in content.get("schema", {}).get("properties", {})
        if name in values
    }
    path = route.path.format(**{"tenant_id": "acme", **values})
    target = requests.Request("GET", f"http://x{path}", params=query).prepare().path_url
    return running.request(route.method, target, json.dumps(body) if content else None, who=who)


def seen(answer: requests.Response, names: Names, pk: int) -> tuple[int, dict[str, str], str]:
    """All that a caller sees, with the ids that he has sent himself made the same."""
    text = answer.text
    for name, value in names.items():
        text = text.replace(value, name)
    headers = {name: value for name, value in answer.headers.items() if name not in OF_EACH}
    return answer.status_code, headers, text.replace(str(pk), "pk")


def state_of(running: Served, tenant_id: str) -> list[Any]:
    found = [
        running.ask("GET", f"/{place}?tenant_id={tenant_id}") for place in ("messages", "accounts")
    ]
    return [*found, running.ask("GET", f"/tenant/{tenant_id}")]


def pks(running: Served) -> tuple[int, int]:
    """One that is the other tenant's, and one of as many digits that nobody has."""
    pk = int(running.ask("GET", "/messages?tenant_id=bravo")["messages"][0]["pk"])
    return pk, pk - 1


@named
@pytest.mark.parametrize("who", ["acme", "nobody"])
def test_naming_another_tenant_is_answered_as_naming_none(
    route: Route, who: str, daemon: Served
) -> None:
    before = state_of(daemon, "bravo")
    foreign, absent = (
        seen(ask(daemon, route, fields(names, names["tenant"], pk), who), names, pk)
        for names, pk in zip((FOREIGN, ABSENT), pks(daemon), strict=True)
    )

    assert foreign == absent
    assert foreign[0] in (401, 403)
    assert state_of(daemon, "bravo") == before


@named
def test_what_is_another_tenants_is_answered_as_what_is_not_there(
    route: Route, daemon: Served
) -> None:
    before = state_of(daemon, "bravo")
    answers = []
    for names, pk in zip((FOREIGN, ABSENT), pks(daemon), strict=True):
        values = fields(names, None, pk)
        if route.name == "addAccount":
            values["id"] = names["account"]
        asked = ask(daemon, route, values, "acme")
        assert "the name of bravo" not in asked.text
        answers.append((asked, seen(asked, names, pk)))
        for account_id in (names["account"], names["message"]):  # what it has made
            daemon.request("DELETE", f"/account/{account_id}?tenant_id=acme")
        daemon.ask("POST", "/commands/activate?tenant_id=acme")

    (first, foreign), (second, absent) = answers
    is_named = first.request.url != second.request.url or first.request.body != second.request.body
    if is_named:
        assert foreign == absent
    else:  # it names nothing that could be another tenant's
        assert foreign[0] == absent[0]
    assert state_of(daemon, "bravo") == before


@pytest.mark.parametrize(
    "route", [route for route in GUARDED if "{" in route.path], ids=lambda route: route.name
)
def test_to_the_admin_what_is_absent_is_not_found(route: Route, daemon: Served) -> None:
    values = fields(ABSENT, ABSENT["tenant"], pks(daemon)[1])
    answer = ask(daemon, route, values, "admin")

    assert answer.status_code == route.not_found_status
    assert answer.json()["code"] == "not_found"
