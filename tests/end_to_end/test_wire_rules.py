"""The rules of docs/wire.md about what goes together, row by row, against a running daemon."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.served import NOWHERE, Served, mail, served
from tests.end_to_end.wire_page import Row, rows, table, value, word, words

pytestmark = pytest.mark.slow

_names = itertools.count()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A tenant with an account; nothing is sent."""
    with served(tmp_path_factory.mktemp("rules"), GMP_TEST_MODE="true") as running:
        running.tokens["tenant"] = running.ask("POST", "/tenant", {"id": "acme"})["api_key"]
        account(running)
        yield running


def account(running: Served, **fields: Any) -> None:
    place = {"id": "main", "tenant_id": "acme", "host": NOWHERE, "port": 2525}
    running.ask("POST", "/account", {**place, **fields})


def post(running: Served, body: dict[str, Any]) -> Any:
    return running.request("POST", "/commands/add-messages", json.dumps(body), who="tenant")


def record(running: Served, name: str) -> dict[str, Any]:
    found: dict[str, Any] = running.ask("GET", f"/messages/{name}", who="tenant")["message"]
    return found


@rows("`priority`", "`default_priority`")
def test_a_priority_counts_as_its_row_says(row: Row, daemon: Served) -> None:
    name = f"p-{next(_names)}"
    given = {"priority": value(row["`priority`"])} if row["`priority`"] else {}
    batch = row["`default_priority`"]
    default = {"default_priority": value(batch)} if batch else {}
    answer = post(daemon, {"messages": [mail(name, **given)], **default})

    assert answer.json()["queued"] == 1
    assert record(daemon, name)["priority"] == value(row["counts as"])


@rows("not set by `headers`", "but by")
def test_a_header_that_is_not_posted_is_refused_by_its_name(row: Row, daemon: Served) -> None:
    names = words(row["not set by `headers`"])
    wrong = [mail(f"h-{next(_names)}", headers={name: "x"}) for name in names]
    answer = post(daemon, {"messages": [*wrong, mail(f"h-{next(_names)}")]}).json()

    assert answer["queued"] == 1
    assert [entry["field"] for entry in answer["rejected"]] == [f"headers.{n}" for n in names]
    assert [entry["id"] for entry in answer["rejected"]] == [message["id"] for message in wrong]


@rows("`use_tls`", "port", "is `tls_mode`")
def test_use_tls_and_the_port_mean_what_their_row_says(row: Row, daemon: Served) -> None:
    use_tls = {"use_tls": value(row["`use_tls`"])} if row["`use_tls`"] else {}
    account(daemon, id="tls", port=int(row["port"]), **use_tls)
    found = daemon.ask("GET", "/account/tls?tenant_id=acme")["account"]
    daemon.ask("DELETE", "/account/tls?tenant_id=acme")

    assert found["tls_mode"] == word(row["is `tls_mode`"])


def test_a_suspension_goes_as_its_rows_say(daemon: Served) -> None:
    key = daemon.ask("POST", "/tenant", {"id": "slow"})["api_key"]
    daemon.tokens["slow"] = key
    account(daemon, tenant_id="slow")
    batch = [mail("a", batch_code="may"), mail("b", batch_code="may"), mail("c")]
    assert daemon.post(*batch, who="slow").json()["queued"] == 3

    story = table("asked", "status", "`suspended_batches`")
    for row in story:
        method, target = word(row["asked"]).split(" ")
        answer = daemon.request(method, target, who="slow")
        assert answer.status_code == int(row["status"]), row
        if answer.ok:
            found = answer.json()
            assert found["suspended_batches"] == words(row["`suspended_batches`"]), row
            assert found["pending_messages"] == int(row["`pending_messages`"]), row
    assert len(story) == 7


# --- what the page says in words ---


def test_a_post_of_more_than_a_thousand_is_refused_as_a_whole(daemon: Served) -> None:
    name = f"n-{next(_names)}-"
    answer = post(daemon, {"messages": [mail(f"{name}{n}") for n in range(1001)]})

    assert answer.status_code == 400
    told = answer.json()["detail"]
    assert told == {"error": "Cannot enqueue more than 1000 messages at once", "rejected": None}
    assert daemon.request("GET", f"/messages/{name}0", who="tenant").status_code == 404


def test_the_same_id_again_replaces_and_the_last_of_a_post_counts(daemon: Served) -> None:
    assert post(daemon, {"messages": [mail("again")]}).json()["queued"] == 1
    first = record(daemon, "again")
    twice = [mail("again", subject="Second"), mail("again", subject="Third")]
    answer = post(daemon, {"messages": twice}).json()

    assert (answer["queued"], answer["rejected"]) == (2, [])
    found = record(daemon, "again")
    assert found["message"]["subject"] == "Third"
    assert (found["created_at"], found["pk"]) == (first["created_at"], first["pk"])


def test_a_rejected_message_is_not_there_and_its_id_is_free(daemon: Served) -> None:
    assert post(daemon, {"messages": [mail("free", to="nobody")]}).status_code == 400
    assert daemon.request("GET", "/messages/free", who="tenant").status_code == 404
    assert post(daemon, {"messages": [mail("free")]}).json()["queued"] == 1


@pytest.mark.parametrize(
    ("name", "is_good"),
    [("x" * 255, True), ("x" * 256, False), ("a\tb", False)],
    ids=["255", "256", "a tab"],
)
def test_an_id_has_up_to_255_printable_characters(daemon: Served, name: str, is_good: bool) -> None:
    answer = post(daemon, {"messages": [mail(name)]})

    assert answer.status_code == (200 if is_good else 400)
    if not is_good:
        assert answer.json()["detail"]["rejected"][0]["field"] == "id"


def test_an_id_is_percent_encoded_in_a_path(daemon: Served) -> None:
    post(daemon, {"messages": [mail("a/b ü?")]})
    assert record(daemon, "a%2Fb%20%C3%BC%3F")["id"] == "a/b ü?"


def test_a_deleted_message_is_gone_and_an_unknown_id_is_told(daemon: Served) -> None:
    post(daemon, {"messages": [mail("gone")]})
    body = json.dumps({"ids": ["gone", "never"]})
    answer = daemon.request("POST", "/commands/delete-messages", body, who="tenant").json()

    assert (answer["removed"], answer["not_found"], answer["unauthorized"]) == (1, ["never"], [])
    assert daemon.request("GET", "/messages/gone", who="tenant").status_code == 404


def test_a_masked_password_stays_and_an_account_is_replaced_as_a_whole(daemon: Served) -> None:
    account(daemon, id="kept", user="me", password="s3cret", ttl=60)
    account(daemon, id="kept", user="me", password="********")
    found = daemon.ask("GET", "/account/kept?tenant_id=acme")["account"]

    assert (found["has_password"], found["ttl"]) == (True, 300)


def test_a_tenant_is_replaced_by_post_and_changed_by_put(daemon: Served) -> None:
    daemon.ask("POST", "/tenant", {"id": "whole", "name": "Whole", "max_queued": 5})
    daemon.ask("PUT", "/tenant/whole", {"max_queued": 6})
    changed = daemon.ask("GET", "/tenant/whole")
    daemon.ask("POST", "/tenant", {"id": "whole", "max_queued": 7})
    replaced = daemon.ask("GET", "/tenant/whole")

    assert (changed["name"], changed["max_queued"]) == ("Whole", 6)
    assert ("name" in replaced, replaced["max_queued"]) == (False, 7)


def test_an_account_of_the_admin_without_a_tenant_is_of_the_default_one(daemon: Served) -> None:
    daemon.ask("POST", "/account", {"id": "lone", "host": NOWHERE, "port": 25})
    assert daemon.ask("GET", "/account/lone")["account"]["tenant_id"] == "default"


def test_bounces_without_a_host_are_refused(daemon: Served) -> None:
    daemon.ask("PUT", "/instance", {"bounce_enabled": True})
    answer = daemon.request("POST", "/instance/reload-bounce")

    assert answer.status_code == 400
    assert answer.json()["error"] == "Bounce enabled but imap_host not configured"
