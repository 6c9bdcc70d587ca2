from __future__ import annotations

import json

import pytest

from mail_proxy.reports.entries import FULL_KEYS, Answer, entry, is_named, read_answer, report


def test_an_entry_has_the_fields_of_its_event_and_says_whose_it_is(store):
    event = store.add_event(message_id="order-7", data={"sent_ts": 1})
    assert entry(event, None) == {
        "id": "order-7",
        "sent_ts": 1,
        "event_id": "1",
        "tenant_id": "acme",
        "pk": "1001",
        "account_id": "main",
        "priority": 2,
    }


def test_there_is_never_a_null(store):
    event = store.add_event(data={"deferred_ts": 5, "deferred_reason": None})
    assert "deferred_reason" not in entry(event, None)


def test_in_full_style_every_key_is_there(store):
    told = entry(store.add_event(data={"error_ts": 5, "error": "550 no"}), "full")
    assert told.keys() >= set(FULL_KEYS)
    assert told["request_id"] is None
    assert (told["sent_ts"], told["error"]) == (None, "550 no")


def test_the_fields_of_an_event_cannot_change_whose_it_is(store):
    told = entry(store.add_event(data={"tenant_id": "other", "pk": "9", "event_id": "9"}), None)
    assert (told["tenant_id"], told["pk"], told["event_id"]) == ("acme", "1001", "1")


def test_a_report_without_events_is_an_empty_list():
    assert report([], None) == {"delivery_report": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"ok"',
        b"{}",
        b'{"ok": true}',
        b'{"ok": null}',
        b'{"ok": 0}',
        b'{"ok": "false"}',
        b'{"sent": 12, "error": 1, "deferred": 0}',
        b'{"error": "nothing to do"}',
        b'{"error": []}',
        b'{"error": {"a": 1}}',
        b'{"error": [null, true, [], {}]}',
        b'{"not_found": ["m1"]}',
        b'{"queued": 0}',
        b'{"queued": true}',
        b'{"queued": "5"}',
        b'{"queued": NaN}',
        b'{"next_sync_after": "soon"}',
        b'{"next_sync_after": -5}',
        b'{"next_sync_after": NaN}',
        b'{"next_sync_after": 1e999}',
        b'{"next_sync_after": 1800000000000}',
        b'{"next_sync_after": true}',
        b'{"queued": ' + b"9" * 6000 + b"}",
        b"[" * 200_000,
    ],
)
def test_2xx_acknowledges_whatever_the_body(body):
    assert read_answer(200, body) == Answer()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_acknowledges(status):
    assert not read_answer(status, b"").problem


@pytest.mark.parametrize("status", [100, 199, 301, 307, 400, 401, 404, 429, 500, 503])
def test_another_status_is_a_problem(status):
    answer = read_answer(status, b'{"ok": true}')
    assert answer.problem == f"the application answered {status}"
    assert not answer.is_gone


def test_410_means_never_again():
    assert read_answer(410, b"").is_gone


def test_an_explicit_ok_false_refuses_all():
    answer = read_answer(200, b'{"ok": false}')
    assert answer.rejected_all
    assert answer.problem


def test_ids_in_a_list_error_are_refused():
    said = {"ok": True, "error": ["m1", 7, {"id": "m3"}]}
    assert read_answer(200, json.dumps(said).encode()).refused == {"m1", "7", "m3"}


def test_queued_and_next_sync_after_are_read():
    answer = read_answer(200, b'{"queued": 3, "next_sync_after": 1800000000}')
    assert (answer.queued, answer.next_sync_after) == (True, 1_800_000_000.0)


@pytest.mark.parametrize("name", ["order-7", "1001", "1"])
def test_an_event_is_named_by_id_pk_or_event_id(store, name):
    event = store.add_event(message_id="order-7")
    assert is_named(event, frozenset({name, "x"}))
    assert not is_named(event, frozenset({"x"}))


def test_how_an_attempt_went_is_not_reported(store) -> None:
    told = entry(store.add_event(data={"sent_ts": 5, "attempt": {"seconds": 0.1}}), None)
    assert told["sent_ts"] == 5
    assert "attempt" not in told
