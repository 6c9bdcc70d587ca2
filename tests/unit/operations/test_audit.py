from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from sqlalchemy import select

from mail_proxy.domain.errors import MailProxyError, StoreUnavailable
from mail_proxy.operations import audit as audit_module
from mail_proxy.operations.excerpt import MORE, MOST_BYTES, excerpt
from mail_proxy.store.schema import command_log
from mail_proxy.wire.caller import ADMIN
from tests.patience import PATIENCE_S


async def logged(house: Any) -> list[dict[str, Any]]:
    """The command log, oldest first."""

    def read(conn: Any) -> list[dict[str, Any]]:
        rows = conn.execute(select(command_log).order_by(command_log.c.pk)).mappings()
        return [{**row, "payload": json.loads(row["payload"])} for row in rows]

    return await house.store._readers.read(read)


async def test_a_change_is_logged_with_its_caller_and_without_secrets(house):
    acme = await house.tenant("acme")
    place = {"id": "main", "host": "smtp.example.com", "port": 25, "password": "s3cret"}
    await house.call("addAccount", acme, **place)
    line = (await logged(house))[-1]
    assert (line["tenant_id"], line["caller"]) == ("acme", "tenant acme")
    assert (line["endpoint"], line["response_status"]) == ("/account", 200)
    assert line["payload"]["password"] == "********"
    assert line["command_ts"] == house.clock.now()


async def test_a_secret_at_the_wrong_place_is_not_logged_either(house):
    await house.tenant("acme")
    with pytest.raises(MailProxyError):
        await house.call("addAccount", id="main", host="https://me:s3cret@example.com", port=25)
    assert (await logged(house))[-1]["payload"]["host"] == "https://********@example.com"


async def test_a_look_is_not_logged(house):
    await house.call("listMessages")
    assert await logged(house) == []


async def test_a_refused_change_is_logged_with_its_status(house):
    for command, fields in (
        ("suspend", {"tenant_id": "nobody"}),
        ("deleteTenant", {"tenant_id": "nobody"}),
        ("addTenant", {"id": "a b"}),
        ("addTenant", {"id": "acme", "client_auth": 5}),
    ):
        with pytest.raises(MailProxyError):
            await house.call(command, **fields)
    assert [line["response_status"] for line in await logged(house)] == [400, 404, 400, 422]


async def test_posts_are_summed_up_without_their_bodies(house):
    await house.tenant("acme", "main")
    before = len(await logged(house))
    await house.post(house.mail("a"), house.mail("b", to="nobody"), tenant_id="acme")
    await house.post(house.mail("c"), tenant_id="acme")
    assert len(await logged(house)) == before
    await house.audit.flush()
    line = (await logged(house))[-1]
    assert line["tenant_id"] == "acme"
    assert line["payload"] == {"posts": 2, "messages": 3, "queued": 2, "rejected": 1}


async def test_a_change_is_logged_with_its_request(house):
    await house.call("addTenant", ADMIN.asking("call-7"), id="acme")
    assert (await logged(house))[-1]["request_id"] == "call-7"


@pytest.mark.parametrize(("posts", "told"), [(["a"], "a"), (["a", "b"], None)])
async def test_a_sum_names_the_request_where_it_is_of_one(house, posts, told):
    await house.tenant("acme", "main")
    for name in posts:
        await house.post(house.mail(name), caller=ADMIN.asking(name))
    await house.audit.flush()
    line = (await logged(house))[-1]
    assert (line["payload"]["posts"], line["request_id"]) == (len(posts), told)


async def test_sums_are_written_while_it_runs_and_when_it_stops(house, monkeypatch):
    monkeypatch.setattr(audit_module, "SUM_S", 0.001)
    await house.tenant("acme", "main")
    await house.post(house.mail())
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(house.audit.run())
        # Nothing tells of a written line but the line.
        while (await logged(house))[-1]["endpoint"] != "/commands/add-messages":  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        house.audit.stop()


@pytest.mark.parametrize(
    "value",
    ["\ud800", "a\x00b", 10**5000, [[["x" * 10**5]]] * 10**4, {"\ud800": 1}, object()],
    ids=["surrogate", "NUL", "number", "bulk", "name", "object"],
)
async def test_nothing_in_a_payload_can_break_the_log(house, value):
    await house.call("runNow", junk=value)
    line = (await logged(house))[-1]
    assert len(json.dumps(line["payload"], ensure_ascii=False).encode()) <= MOST_BYTES
    assert line["payload"].keys() == {"junk"}


async def test_a_thousand_fields_that_nobody_knows_do_not_fill_the_log(house):
    junk = {f"{n} {'x' * 1000}": n for n in range(1000)}
    await house.call("runNow", **junk, **{"\ud800": 1})
    line = (await logged(house))[-1]
    assert line["endpoint"] == "/commands/run-now"
    assert len(json.dumps(line["payload"])) < 20_000


def deep(depth: int) -> Any:
    return {"\x01" * 100: deep(depth - 1), "b": ["\x01" * 1000]} if depth else "\U0001f600" * 1000


@pytest.mark.parametrize(
    "payload",
    [
        {f"f{n}": [["x" * 1000] * 100] * 100 for n in range(100)},
        {f"f{n}": [[{}] * 100] * 100 for n in range(100)},
        {f"f{n}": [[1.5] * 100] * 100 for n in range(100)},
        {"a": ["\x01" * 1000] * 100},
        {"a": ["\U0001f600" * 1000] * 100},
        {"a": [{str(n) + "\x01" * 64: n for n in range(100)}] * 100},
        {"a": deep(39)},
    ],
    ids=["texts", "objects", "numbers", "escapes", "wide", "names", "deep"],
)
def test_a_payload_is_bounded_as_a_whole_and_always_cut_at_the_same_place(payload):
    kept = excerpt(payload)
    assert 1000 < len(json.dumps(kept, ensure_ascii=False).encode()) <= MOST_BYTES
    assert MORE in json.dumps(kept)
    assert excerpt(payload) == kept


def test_what_has_room_is_kept_as_it_is():
    payload = {"id": "a", "list": [1, 2.5, None, True, {"x": []}], "text": "y" * 900}
    assert excerpt(payload) == payload


async def test_a_change_that_could_not_be_logged_is_still_answered(house, monkeypatch, caplog):
    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(type(house.store), "log_command", full)
    with caplog.at_level(logging.ERROR, "mail_proxy"):
        assert (await house.call("runNow"))["ok"] is True
    assert len(caplog.records) == 1
