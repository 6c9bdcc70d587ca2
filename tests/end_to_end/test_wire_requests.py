"""Each row of docs/wire.md about what is asked and answered at once, against a running daemon."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.config.environment import VARIABLES
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES
from tests.docs.examples import recorded
from tests.end_to_end.served import NOWHERE, PATIENCE_S, Served, in_front, mail, served
from tests.end_to_end.wire_page import Row, optional_words, rows, table, value, word, words
from tests.faults.installation import environment

pytestmark = pytest.mark.slow

PUBLISHED = {
    f"{route.method} {route.path}": route for route in ROUTES.values() if route.scope < Scope.LOCAL
}
_names = itertools.count()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two tenants with an account and a message of the same names, and an inactive one."""
    home = tmp_path_factory.mktemp("wire")
    with served(home, GMP_TEST_MODE="true") as running:
        for tenant_id, other in (("acme", "ours"), ("bravo", "theirs")):
            key = running.ask("POST", "/tenant", {"id": tenant_id})["api_key"]
            running.tokens[tenant_id] = key
            for account_id in ("main", other):
                account(running, id=account_id, tenant_id=tenant_id)
            assert running.post(mail("m-1"), mail(other), who=tenant_id).status_code == 200
        running.tokens["tenant"] = running.tokens["acme"]
        running.tokens["inactive"] = running.ask("POST", "/tenant", {"id": "idle"})["api_key"]
        running.ask("PUT", "/tenant/idle", {"active": False})
        yield running


def account(running: Served, **fields: Any) -> None:
    running.ask("POST", "/account", {"host": NOWHERE, "port": 2525, **fields})


# --- who may ---

NO_ROUTE = {
    "there is nothing at this path": "Not Found",
    "this path does not take that method": "Method Not Allowed",
}


@rows("who asks", "request", "status")
def test_who_asks_gets_the_answer_of_the_row(row: Row, daemon: Served) -> None:
    method, target, *body = word(row["request"]).split(" ", 2)
    answer = daemon.request(method, target, body[0] if body else None, who=row["who asks"])

    assert answer.status_code == int(row["status"]), answer.text
    if answer.status_code >= 400:
        found = answer.json()
        assert found["ok"] is False
        assert found["code"] == word(row["code"])
        if row["error"]:
            assert found["error"] == word(row["error"])
            assert found["detail"] == NO_ROUTE.get(found["error"], found["error"])


@rows("`X-Request-ID`", "answered")
def test_a_request_is_named_as_its_row_says(row: Row, daemon: Served) -> None:
    given = word(row["`X-Request-ID`"])
    told = daemon.request_id(given or None)

    assert (told == given) == (row["answered"] == "the same")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", told)


# --- routes ---


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What each command answers to its example."""
    return {found["command"]: found["answer"] for found in asyncio.run(recorded())}


@rows("route", "who")
def test_a_route_answers_with_the_fields_of_its_row(row: Row, answers: dict[str, Any]) -> None:
    answer = answers[PUBLISHED[word(row["route"])].name]
    if row["answer"] in ("text", "octets"):
        assert isinstance(answer, str)
        return
    fields = set(words(row["answer"]))
    assert fields - optional_words(row["answer"]) <= answer.keys() <= fields


@rows("route", "who", filled="absent")
def test_a_route_answers_what_is_absent_as_its_row_says(row: Row, daemon: Served) -> None:
    route = PUBLISHED[word(row["route"])]
    path = route.path.replace("{", "").replace("}", "")
    if path == route.path:
        path += "?tenant_id=absent"
    body = json.dumps({}) if route.method in ("POST", "PUT") else None
    answer = daemon.request(route.method, path, body)

    assert (answer.status_code, answer.json()["code"]) == (int(row["absent"]), "not_found")


# --- messages ---


@rows("field", "takes", "refuses")
def test_a_field_of_a_message_takes_what_its_row_says(row: Row, daemon: Served) -> None:
    name = word(row["field"])
    message = mail(f"f-{next(_names)}", **{name: value(row["takes"])})
    if name == "from_addr":
        del message["from"]
    answer = daemon.post(message)

    assert answer.status_code == 200, answer.text
    assert answer.json()["queued"] == 1
    found = daemon.ask("GET", f"/messages/{message['id']}?tenant_id=acme")["message"]
    assert found["id"] == message["id"]


@rows("field", "takes", "refuses", filled="refuses")
def test_a_field_of_a_message_refuses_what_its_row_says(row: Row, daemon: Served) -> None:
    name = word(row["field"])
    wrong, good = mail(f"f-{next(_names)}", **{name: value(row["refuses"])}), f"f-{next(_names)}"
    answer = (
        daemon.post(wrong, mail(good))
        if name != "tenant_id"
        else daemon.post(wrong, mail(good, tenant_id="acme"), who="admin")
    )

    found = answer.json()
    assert (answer.status_code, found["queued"]) == (200, 1), found
    (rejected,) = found["rejected"]
    assert re.split(r"[.\[]", rejected["field"])[0] == name
    if row["reason"]:
        assert rejected["reason"] == word(row["reason"])


@pytest.mark.parametrize(
    "row",
    # The one without a message of its own needs a mail server: test_wire_outcomes.py.
    [row for row in table("message", "reason", "field") if words(row["message"])],
    ids=lambda row: word(row["reason"]),
)
def test_a_message_is_refused_for_the_reason_of_its_row(row: Row, daemon: Served) -> None:
    message = value(row["message"])
    answer = daemon.post(message, who=row["posted by"])

    assert answer.status_code == 400
    found = answer.json()["detail"]
    assert found["error"] is None
    (rejected,) = found["rejected"]
    assert rejected["reason"] == word(row["reason"])
    assert rejected.get("field", "") == word(row["field"])


# --- accounts, tenants, the instance ---

MASK = "********"


def check_shown(row: Row, plain: dict[str, Any], given: dict[str, Any]) -> None:
    """`plain` is the record without the field of the row, `given` the one with it."""
    name = word(row["field"])
    match row["shown"]:
        case "yes":
            assert given[name] == value(row["takes"])
        case "masked":
            assert "s3cret" not in json.dumps(given)
            assert MASK in json.dumps(given[name])
        case _:
            assert name not in given
            assert "s3cret" not in json.dumps(given)
    if words(row["left out"]):
        assert plain[name] == value(row["left out"])
    elif not row["left out"]:
        assert name not in plain


@rows("field", "takes", "left out", under="Accounts")
def test_a_field_of_an_account_is_kept_as_its_row_says(row: Row, daemon: Served) -> None:
    name = word(row["field"])
    needed = {"id": "wire", "host": NOWHERE, "port": 25, "tenant_id": "acme"}
    if row["left out"] == "refused":
        rest = {key: text for key, text in needed.items() if key != name}
        answer = daemon.request("POST", "/account", json.dumps(rest))
        assert (answer.status_code, answer.json()["field"]) == (400, name)
    account(daemon, **needed)
    plain = daemon.ask("GET", "/account/wire?tenant_id=acme")["account"]
    daemon.ask("DELETE", "/account/wire?tenant_id=acme")
    if name == "oauth2":
        needed["user"] = "me@example.com"  # whose mailbox the access token is for
    account(daemon, **{**needed, name: value(row["takes"])})
    target = value(row["takes"]) if name == "id" else "wire"
    given = daemon.ask("GET", f"/account/{target}?tenant_id=acme")["account"]
    daemon.ask("DELETE", f"/account/{target}?tenant_id=acme")

    check_shown(row, plain, given)


@rows("field", "takes", "left out", under="Tenants")
def test_a_field_of_a_tenant_is_kept_as_its_row_says(row: Row, daemon: Served) -> None:
    name = word(row["field"])
    if row["left out"] == "refused":
        answer = daemon.request("POST", "/tenant", "{}")
        assert (answer.status_code, answer.json()["field"]) == (400, name)
    daemon.ask("POST", "/tenant", {"id": "wire"})
    plain = daemon.ask("GET", "/tenant/wire")
    daemon.ask("DELETE", "/tenant/wire")
    target = value(row["takes"]) if name == "id" else "wire"
    daemon.ask("POST", "/tenant", {"id": "wire", name: value(row["takes"])})
    given = daemon.ask("GET", f"/tenant/{target}")
    daemon.ask("DELETE", f"/tenant/{target}")

    check_shown(row, plain, given)


@rows("field", "takes", "left out", under="Instance")
def test_a_field_of_the_instance_is_kept_as_its_row_says(row: Row, daemon: Served) -> None:
    name = word(row["field"])
    plain = daemon.ask("GET", "/instance")
    daemon.ask("PUT", "/instance", {name: value(row["takes"])})
    given = daemon.ask("GET", "/instance")

    if name == "name":
        plain.pop("name")  # it has the folder's
    check_shown(row, plain, given)


# --- settings ---


HIDDEN = {"api_token", "encryption_key"}  # in no form


@pytest.fixture(scope="module")
def set_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`serve` with the example of every row, in a folder of its own."""
    folder = tmp_path_factory.mktemp("settings")
    given = {
        words(row["variable"])[0]: word(row["example"]) for row in table("variable", "default")
    }
    with in_front(folder, given) as running:
        running.tokens["admin"] = given["GMP_API_TOKEN"]
        yield running
        assert (folder / "queue.db").exists()
        assert (folder / "state" / "control.sock").exists() is True
        assert not (folder / "state" / "secret.key").exists()


@rows("variable", "default")
def test_a_setting_from_outside_is_in_force(row: Row, set_from_outside: Served) -> None:
    settings = set_from_outside.ask("GET", "/instance")["settings"]
    found = {setting["name"]: setting for setting in settings}
    name = word(row["name"])
    if name in HIDDEN:
        assert name not in found
        assert word(row["example"]) not in json.dumps(settings)
        return
    assert found[name]["source"] == "environment"
    variable = next(v for v in VARIABLES if list(v.names) == words(row["variable"]))
    if variable.is_secret:
        assert found[name]["value"] == MASK
    elif name in ("database", "state_dir"):
        assert found[name]["value"].endswith(word(row["example"]).removeprefix("."))
    elif variable.name not in ("GMP_PORT", "GMP_DEBUG"):  # any port; the level is said plainly
        expected = variable.kind.parse(word(row["example"]))
        assert found[name]["value"] == json.loads(json.dumps(expected))


def test_the_sync_status_tells_the_interval_that_was_set(set_from_outside: Served) -> None:
    (row,) = [r for r in table("variable", "default") if "SYNC_INTERVAL" in r["variable"]]
    told = set_from_outside.ask("GET", "/tenants/sync-status")

    assert told["sync_interval_seconds"] == int(word(row["example"]))


def test_a_database_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    environ = environment(tmp_path) | {"GMP_DATABASE_URL": "postgresql://db.example.com/queue"}
    ended = subprocess.run(
        [sys.executable, "-m", "mail_proxy", "serve"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert ended.returncode != 0
    assert "GMP_DATABASE_URL" in ended.stderr
    assert "not supported yet" in ended.stderr


# --- metrics ---


@rows("name", "type", "labels")
def test_a_metric_is_there_from_the_start(row: Row, daemon: Served) -> None:
    name, kind = word(row["name"]), row["type"]
    lines = daemon.request("GET", "/metrics", who="nobody").text.splitlines()

    assert f"# TYPE {name} {kind}" in lines
    series = [line for line in lines if line.startswith((f"{name}{{", f"{name} "))]
    assert series
    for line in series:
        assert sorted(re.findall(r'(\w+)="', line)) == sorted(words(row["labels"]))
    if "tenant_id" in row["labels"]:
        assert any('account_id="default"' in line for line in series)
        assert any('tenant_id="bravo"' in line and 'account_id="theirs"' in line for line in series)
    assert not any(line.startswith(name.removesuffix("_total") + "_created") for line in lines)
