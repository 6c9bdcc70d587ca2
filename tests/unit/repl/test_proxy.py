"""`proxy`: what it asks the daemon for, and its nouns as mappings."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mail_proxy.client.verbs import Instance
from mail_proxy.domain.errors import MailProxyError, NotFound, NotRunning
from mail_proxy.repl.keys import KEPT_S, LIMIT, KnownKeys, menu_threads, offered
from mail_proxy.repl.proxy import event_line
from mail_proxy.repl.results import Record, Table
from tests.unit.repl.conftest import World


def in_a_menu(work: Any) -> Any:
    """What the Tab key gets."""
    with menu_threads() as threads:
        return threads.submit(work).result()


def in_a_thread(work: Any) -> Any:
    """What a thread of the person gets."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def page(ids: list[str], cursor: str | None = None, **more: Any) -> dict[str, Any]:
    messages = [{"id": id_, "status": "sent", "message": {"to": "a@example.org"}} for id_ in ids]
    return {"messages": messages, **({"next_cursor": cursor} if cursor else {}), **more}


def test_it_has_every_noun_and_verb_of_the_clients(world: World) -> None:
    client: Instance[Any, Any] = Instance(lambda *_: None)
    for name, noun in vars(client).items():
        if name.startswith("_"):
            continue
        verbs = {verb for verb in dir(noun) if not verb.startswith("_")}
        assert verbs <= set(dir(getattr(world.proxy, name)))


def test_lists_are_tables_and_things_are_records(world: World) -> None:
    world.control.answers |= {
        "listTenants": {"tenants": [{"id": "acme"}]},
        "getAccount": {"account": {"id": "main"}},
    }
    assert isinstance(world.proxy.tenants.list(), Table)
    account = world.proxy.accounts.get("main")
    assert isinstance(account, Record)
    assert account == {"id": "main"}


def test_a_list_of_messages_is_fetched_a_hundred_at_a_time(world: World) -> None:
    def answer(cursor: str | None = None, **_: Any) -> dict[str, Any]:
        return page(["b"]) if cursor else page(["a"], "next", count=1000, count_is_bounded=True)

    world.control.answers["listMessages"] = answer
    table = world.proxy.messages.list("acme", status="sent")
    first = world.control.calls[0][1]
    assert (first["limit"], first["count"]) == (100, True)
    assert repr(table).splitlines()[-1] == "at least 999 more: _.more()"
    assert [row["id"] for row in table] == ["a", "b"]
    assert world.control.calls[-1][1] == {
        "tenant_id": "acme",
        "status": "sent",
        "cursor": "next",
        "limit": 100,
    }


def test_a_limit_that_is_given_is_the_end_of_the_list(world: World) -> None:
    world.control.answers["listMessages"] = page(["a"], "next")
    table = world.proxy.messages.list(limit=1)
    assert [row["id"] for row in table] == ["a"]


def test_a_noun_is_a_mapping_by_id(world: World) -> None:
    world.control.answers |= {
        "listTenants": {"tenants": [{"id": "acme"}, {"id": "alpha"}]},
        "getTenant": lambda tenant_id: {"id": tenant_id},
    }
    tenants = world.proxy.tenants
    assert isinstance(tenants, Mapping)
    assert list(tenants) == ["acme", "alpha"]
    assert len(tenants) == 2
    assert tenants["acme"]["id"] == "acme"


@pytest.mark.parametrize(("extra", "asked"), [({"count": 2}, 1), ({}, 2)])
def test_counting_reads_the_later_pages_only_where_nobody_has_counted(
    world: World, extra: dict[str, Any], asked: int
) -> None:
    world.control.answers["listMessages"] = lambda cursor=None, **_: (
        page(["b"]) if cursor else page(["a"], "next", **extra)
    )
    assert len(world.proxy.messages) == 2
    assert len(world.control.calls) == asked


@pytest.mark.parametrize("extra", [{"count": 2}, {}, {"count": 1, "count_is_bounded": True}])
@pytest.mark.parametrize("taken", [list, sorted, lambda ids: [*ids]])
def test_a_list_of_ids_asks_for_each_page_once(
    world: World, taken: Any, extra: dict[str, Any]
) -> None:
    world.control.answers["listMessages"] = lambda cursor=None, **_: (
        page(["b"]) if cursor else page(["a"], "next", **extra)
    )
    assert taken(world.proxy.messages) == ["a", "b"]
    assert [fields.get("cursor") for _, fields in world.control.calls] == [None, "next"]


def test_what_has_come_meanwhile_is_counted(world: World) -> None:
    world.control.answers["listTenants"] = {"tenants": [{"id": "acme"}]}
    tenants = world.proxy.tenants
    ids = iter(tenants)
    assert next(ids) == "acme"
    world.control.answers["listTenants"] = {"tenants": [{"id": "acme"}, {"id": "alpha"}]}
    assert len(tenants) == 2
    assert list(tenants) == ["acme", "alpha"]


def test_whether_there_is_any_is_seen_on_the_first_page(world: World) -> None:
    world.control.answers["listMessages"] = page(["a"], "next")
    assert world.proxy.messages
    world.control.answers["listMessages"] = page([])
    assert not world.proxy.messages
    assert len(world.control.calls) == 2


def test_a_noun_alone_tells_its_verbs_and_at_the_prompt_its_list(world: World) -> None:
    assert repr(world.proxy.cache) == "<Cache: clear, stats>"
    assert repr(world.proxy.tenants).startswith("<Tenants: add, ")
    assert world.control.calls == []
    world.control.answers["listTenants"] = {"tenants": [{"id": "acme"}]}
    assert "acme" in world.proxy.tenants.__pt_repr__()[1][1]


def test_an_id_of_several_tenants_is_named_with_its_own(world: World) -> None:
    world.control.answers["getMessage"] = {"message": {"id": "m1"}}
    assert world.proxy.messages["acme", "m1"] == {"id": "m1"}
    assert world.control.calls == [("getMessage", {"id": "m1", "tenant_id": "acme"})]


def test_what_is_not_there_is_not_in_it(world: World) -> None:
    world.control.answers["getMessage"] = NotFound("no")
    assert "m1" not in world.proxy.messages
    assert 7 not in world.proxy.messages


def test_a_menu_asks_once_and_looks_nothing_else_up(world: World) -> None:
    world.control.answers["listTenants"] = {"tenants": [{"id": "acme", "name": "Acme Ltd"}]}
    tenants = world.proxy.tenants
    assert in_a_menu(lambda: list(tenants)) == ["acme"]
    assert in_a_menu(lambda: repr(tenants["acme"])) == "Acme Ltd"
    assert in_a_menu(lambda: len(tenants)) == 1
    assert world.control.names() == ["listTenants"]


def test_threads_of_a_script_get_what_is_there_and_no_menu(world: World) -> None:
    world.control.answers["getTenant"] = {"id": "acme", "name": "Acme Ltd"}
    acme = in_a_thread(lambda: world.proxy.tenants["acme"])
    assert acme["name"] == "Acme Ltd"
    assert world.control.names() == ["getTenant"]


def test_a_menu_takes_an_answer_without_rows_for_none(world: World) -> None:
    world.control.answers["listTenants"] = {}
    assert in_a_menu(lambda: list(world.proxy.tenants)) == []


def test_a_menu_is_kept_for_some_seconds_and_survives_a_daemon_that_does_not_answer() -> None:
    asked: list[str] = []
    clock = [0.0]

    def look(command: str, **_: Any) -> dict[str, Any]:
        asked.append(command)
        if len(asked) > 1:
            raise MailProxyError("did not answer within 0.3 s")
        return {"tenants": [{"id": "acme"}]}

    keys = KnownKeys(look, "listTenants", "tenants", now=lambda: clock[0])
    assert list(keys.rows()) == ["acme"]
    clock[0] = KEPT_S - 0.1
    assert list(keys.rows()) == ["acme"]
    assert len(asked) == 1
    clock[0] = KEPT_S
    assert list(keys.rows()) == ["acme"]
    assert len(asked) == 2


def test_two_threads_look_once() -> None:
    asked: list[str] = []
    both = threading.Barrier(2)
    is_asked = threading.Event()

    def look(command: str, **_: Any) -> dict[str, Any]:
        asked.append(command)
        is_asked.wait(0.05)  # a second look would come in this time
        return {"tenants": [{"id": "acme"}]}

    keys = KnownKeys(look, "listTenants", "tenants", now=lambda: 0.0)
    found: list[list[str]] = []

    def press_tab() -> None:
        both.wait()
        found.append(list(keys.rows()))

    threads = [threading.Thread(target=press_tab) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (asked, found) == (["listTenants"], [["acme"], ["acme"]])


@pytest.mark.parametrize(
    "id_", ["", "a\x1b[31m", "a\nb", "\u202eevil", "a\u200bb", "x" * 129, "\ud800"]
)
def test_an_id_that_could_deceive_is_in_no_menu(id_: str) -> None:
    assert offered([{"id": id_}, {"id": "good"}]).keys() == {"good"}


def test_a_menu_has_an_end() -> None:
    assert len(offered({"id": f"m{at}"} for at in range(1000))) == LIMIT


def test_what_a_menu_tells_beside_an_id_is_safe() -> None:
    shown = repr(offered([{"id": "m", "name": "\x1b]0;x\x07Acme", "status": "sent"}])["m"])
    assert shown == "]0;xAcme  sent"


def test_events_come_as_they_happen(world: World) -> None:
    world.control.answers["streamEvents"] = [{"kind": "failed", "id": "m1"}]
    assert [event["id"] for event in world.proxy.events(["failed"], tenant_id="acme")] == ["m1"]
    assert world.control.calls[0][1]["kinds"] == "failed"


def test_without_a_daemon_events_say_how_to_start_one(world: World) -> None:
    def nobody() -> Iterator[dict[str, Any]]:
        raise NotRunning("no daemon answers")
        yield {}

    world.control.answers["streamEvents"] = nobody()
    with pytest.raises(NotRunning) as told:
        list(world.proxy.events())
    assert told.value.hint == "mail-proxy start my"
    assert world.proxy.last_error is not None
    assert world.proxy.last_error["command"] == "streamEvents"


def test_an_event_is_a_safe_line() -> None:
    line = event_line({"kind": "failed", "ts": 1.0, "id": "m\x1b1", "words": "550 [/b]\r\nno"})
    assert line.endswith("failed      m1  550 [/b] no")


def test_showing_it_calls_nobody(world: World) -> None:
    assert repr(world.proxy) == "<proxy of my; help(proxy) tells what it can do>"
    assert world.control.calls == []
