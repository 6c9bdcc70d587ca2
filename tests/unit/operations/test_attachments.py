"""Posted attachments: what is refused, what goes into files, and what is shown of them.

It is long because a file has many ways to come and go.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from mail_proxy.compose import Stamp, build, checked_raw
from mail_proxy.domain.attachment import Spooled, read_attachments
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import RejectedBatch, SecretsUnavailable, StoreFull, StoreUnavailable
from mail_proxy.domain.state import Event
from mail_proxy.operations import Upkeep, intake
from mail_proxy.operations.attached import SPOOL_OVER_BYTES
from mail_proxy.operations.spooling import remove_garbage, sweep
from mail_proxy.secrets import MASK
from mail_proxy.store.attachment_auth import with_auth
from mail_proxy.store.spool import NEW

LARGE = os.urandom(SPOOL_OVER_BYTES + 1000)
MD5_OF_A = "0cc175b9c0f1b6a831c399e269772661"
AUTH = {"method": "bearer", "token": "s3cret-of-one"}


def posted(content: bytes, filename: str = "a.bin", **fields: Any) -> dict[str, Any]:
    text = base64.b64encode(content).decode()
    return {"filename": filename, "storage_path": text, "fetch_mode": "base64", **fields}


def files(house) -> list[str]:
    return sorted(house.context.spool.names())


async def stored(house, message_id: str = "m1") -> dict[str, Any]:
    (row,) = await house.store.find_messages("acme", [message_id], full=True)
    return json.loads(row.content)


async def shown(house, message_id: str = "m1") -> dict[str, Any]:
    return (await house.call("getMessage", id=message_id, tenant_id="acme"))["message"]


def read(house, fields: dict[str, Any]) -> list[bytes]:
    """The contents that lie in the spool, as delivery reads them."""
    return [
        b"".join(house.context.spool.content(fields["spool"], one.spooled).blocks())
        for one in read_attachments(fields["attachments"])
        if one.spooled is not None
    ]


@pytest.fixture(autouse=True)
async def acme(house):
    await house.tenant("acme", "main")


async def refused(house, *attachments: Any) -> dict[str, Any]:
    with pytest.raises(RejectedBatch) as caught:
        await house.post(house.mail(attachments=list(attachments)))
    (rejection,) = caught.value.rejected
    return rejection


# --- what is refused ---


@pytest.mark.parametrize(
    ("attachment", "field", "reason"),
    [
        ("a.txt", "attachments[1]", "must be an object"),
        ({"filename": "a.txt"}, "attachments[1].storage_path", "must be text"),
        (
            {"filename": "a.txt", "storage_path": "base64:YQ=!"},
            "attachments[1].storage_path",
            "Invalid base64 content: ",
        ),
        (
            {"filename": "a.txt", "storage_path": "base64:" + "YWFh" * 50_000 + "!"},
            "attachments[1].storage_path",
            "Invalid base64 content: ",
        ),
        (
            posted(b"b", content_md5=MD5_OF_A),
            "attachments[1].content_md5",
            "is not that of the content",
        ),
        (
            posted(LARGE, content_md5=MD5_OF_A),
            "attachments[1].content_md5",
            "is not that of the content",
        ),
        (
            {"filename": "a", "fetch_mode": "base64", "spooled": [0, 5, "00"]},
            "attachments[1]",
            "is not known",
        ),
        (
            {"filename": "a", "storage_path": "https://x.example/\ud800"},
            "attachments[1].storage_path",
            "U+D800",
        ),
    ],
)
async def test_a_wrong_attachment_rejects_its_message_and_names_the_field(
    house, attachment, field, reason
):
    rejection = await refused(house, posted(b"fine"), attachment)
    assert rejection["id"] == "m1"
    assert rejection["field"] == field
    assert reason in rejection["reason"]
    assert files(house) == []
    assert house.context.spool.unsettled == set()


async def test_the_good_messages_of_a_batch_go_on(house):
    wrong = {"filename": "a", "storage_path": "base64:" + "YWFh" * 50_000 + "!"}
    answer = await house.post(
        house.mail("m1", attachments=[posted(LARGE)]),
        house.mail("m2", attachments=[wrong]),
        house.mail("m3", attachments=[posted(b"small")]),
    )
    assert answer["queued"] == 2
    assert [each["id"] for each in answer["rejected"]] == ["m2"]
    fields = await stored(house)
    assert read(house, fields) == [LARGE]
    assert files(house) == [fields["spool"]]


async def test_attachments_beside_raw_are_refused(house):
    raw = base64.b64encode(b"From: a@example.com\r\n\r\nx").decode()
    with pytest.raises(RejectedBatch, match="batch"):
        await house.post(house.mail(raw=raw, attachments=[posted(b"x")]))


# --- where it goes ---


async def test_small_contents_stay_in_the_row(house):
    await house.post(house.mail(attachments=[posted(b"small"), posted(b"")]))
    fields = await stored(house)
    assert fields["attachments"] == [posted(b"small"), posted(b"")]
    assert files(house) == []


async def test_an_empty_list_is_no_attachments(house):
    await house.post(house.mail(attachments=[]))
    assert "attachments" not in await stored(house)


async def test_contents_that_are_large_together_go_into_one_file(house):
    half = LARGE[: SPOOL_OVER_BYTES // 2 + 100]
    text = "base64:" + base64.encodebytes(LARGE).decode().rstrip("=\n")
    await house.post(
        house.mail(
            attachments=[
                posted(half, content_id="logo", mime_type="image/png"),
                {"filename": "u.pdf", "storage_path": "https://files.example/u.pdf"},
                {"filename": "b.bin", "storage_path": text},
                posted(b"", "empty.bin"),
            ]
        )
    )
    fields = await stored(house)
    first, second, third, _ = fields["attachments"]
    assert read(house, fields) == [half, LARGE, b""]
    assert files(house) == [fields["spool"]]
    assert second == {"filename": "u.pdf", "storage_path": "https://files.example/u.pdf"}
    assert first.keys() == {"filename", "fetch_mode", "content_id", "mime_type", "spooled"}
    assert third.keys() == {"filename", "fetch_mode", "spooled"}
    record = await shown(house)
    assert record["size_bytes"] > len(half) + len(LARGE)


async def test_attachments_are_taken_for_certified_mail(house):
    await house.account("acme", "pec", is_pec_account=True)
    answer = await house.post(house.mail(account_id="pec", attachments=[posted(LARGE)]))
    assert answer["queued"] == 1


# --- what is shown ---


async def test_everything_is_shown_but_contents_and_credentials(house):
    await house.post(
        house.mail(
            attachments=[
                posted(LARGE, f"{{MD5:{MD5_OF_A}}}x.bin", content_md5=None) | {"filename": "x.bin"},
                posted(b"a", "a.txt", content_md5=MD5_OF_A.upper(), mime_type="text/plain"),
                {
                    "filename": "u.pdf",
                    "storage_path": "https://me:pw@files.example/u.pdf",
                    "auth": AUTH,
                },
                {"filename": "r.pdf", "storage_path": "reports/7", "content_id": "<r>"},
            ]
        )
    )
    message = (await shown(house))["message"]
    assert "spool" not in message
    assert message["attachments"] == [
        {"filename": "x.bin", "fetch_mode": "base64", "size_bytes": len(LARGE)},
        {
            "filename": "a.txt",
            "fetch_mode": "base64",
            "mime_type": "text/plain",
            "content_md5": MD5_OF_A,
            "size_bytes": 1,
        },
        {
            "filename": "u.pdf",
            "fetch_mode": "http_url",
            "storage_path": f"https://{MASK}@files.example/u.pdf",
            "auth": MASK,
        },
        {
            "filename": "r.pdf",
            "fetch_mode": "endpoint",
            "storage_path": "reports/7",
            "content_id": "r",
        },
    ]


# --- credentials ---


def in_the_file(house, text: str) -> bool:
    folder = house.context.settings.database_path.parent
    return any(text.encode() in path.read_bytes() for path in folder.glob("queue.db*"))


async def test_credentials_of_an_attachment_are_never_in_clear_in_the_database(house):
    url = {"filename": "u", "storage_path": "https://files.example/u"}
    await house.post(house.mail(attachments=[url, {**url, "auth": AUTH}]))
    (row,) = await house.store.find_messages("acme", ["m1"])
    assert await house.store.attachment_auth("acme", row.pk) == {1: AUTH}
    assert not in_the_file(house, AUTH["token"])
    assert in_the_file(house, "https://files.example/u")


async def test_they_go_with_a_resend(house):
    url = {"filename": "u", "storage_path": "https://files.example/u", "auth": AUTH}
    await house.post(house.mail(attachments=[url, posted(LARGE)]))
    await fail(house)
    await house.call("resendMessages", ids=["m1"], tenant_id="acme")
    rows = await house.store.find_messages("acme", ["m1", "m1-r1"])
    for row in rows:
        assert await house.store.attachment_auth("acme", row.pk) == {0: AUTH}
    assert len(rows) == 2


async def test_without_its_key_they_cannot_be_opened_and_no_new_ones_are_taken(house, monkeypatch):
    url = {"filename": "u", "storage_path": "https://files.example/u", "auth": AUTH}
    await house.post(house.mail(attachments=[url]))
    await fail(house)
    (row,) = await house.store.find_messages("acme", ["m1"])
    monkeypatch.setattr(house.store._keyring, "_ciphers", {})
    with pytest.raises(SecretsUnavailable):
        await house.store.attachment_auth("acme", row.pk)
    with pytest.raises(SecretsUnavailable):
        await house.post(house.mail("m2", attachments=[url, posted(LARGE)]))
    assert files(house) == []
    answer = await house.call("resendMessages", ids=["m1"], tenant_id="acme")
    assert answer["done"] == []


# --- the life of a file ---


async def fail(house, message_id: str = "m1") -> None:
    for claimed in await house.claim("acme", "main"):
        if claimed.id == message_id:
            await house.finish(claimed, Event.FAIL)


async def test_a_replaced_message_leaves_its_file_to_the_upkeep(house):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    old = files(house)
    await house.post(house.mail(attachments=[posted(LARGE + b"2")]))
    new = (await stored(house))["spool"]
    assert files(house) == sorted([*old, new])
    assert await remove_garbage(house.context) == 1
    assert files(house) == [new]
    assert await house.store.spool_garbage(limit=10) == []


@pytest.mark.parametrize("way", ["message", "tenant", "clean-up"])
async def test_a_file_goes_after_its_message(house, way):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    if way == "message":
        await house.call("deleteMessages", ids=["m1"], tenant_id="acme")
    elif way == "tenant":
        await house.call("deleteTenant", tenant_id="acme")
    else:
        await fail(house)
        (row,) = await house.store.find_messages("acme", ["m1"], full=True)
        await house.store.mark_reported("acme", row.events, now=house.clock.now())
        house.clock.at += 10
        assert await house.store.cleanup_messages("acme", before=house.clock.now()) == 1
    assert len(files(house)) == 1
    await Upkeep(house.context).remove_garbage()
    assert files(house) == []


async def test_what_is_being_sent_keeps_its_file(house):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    (claimed,) = await house.claim("acme", "main")
    again = await house.post(house.mail(attachments=[posted(b"n" * 100_000)]))
    assert again["rejected"][0]["reason"] == "already sent"
    await house.call("deleteMessages", ids=["m1"], tenant_id="acme")
    await remove_garbage(house.context)
    await sweep(house.context)
    fields = json.loads(await house.store.content("acme", claimed.pk))
    assert read(house, fields) == [LARGE]
    assert files(house) == [fields["spool"]]


async def test_the_file_of_a_post_that_is_refused_goes_at_once(house):
    await house.post(house.mail())
    await fail(house)
    with pytest.raises(RejectedBatch):
        await house.call("addMessages", messages=[house.mail(attachments=[posted(LARGE)], to="x")])
    answer = await house.post(house.mail(attachments=[posted(LARGE)]))
    assert answer["rejected"][0]["reason"] == "already sent"
    assert files(house) == []
    assert house.context.spool.unsettled == set()


async def test_of_two_in_a_batch_with_one_id_the_last_keeps_its_file(house):
    await house.post(
        house.mail(attachments=[posted(LARGE)]), house.mail(attachments=[posted(LARGE + b"2")])
    )
    fields = await stored(house)
    assert read(house, fields) == [LARGE + b"2"]
    assert files(house) == [fields["spool"]]


async def test_the_sweep_removes_what_no_row_names_and_nothing_else(house):
    spool = house.context.spool
    await house.post(house.mail(attachments=[posted(LARGE)]))
    (kept,) = files(house)
    with spool.write() as batch:
        with batch.add() as lost:
            lost.put([b"of a crash"])
        with batch.add() as under_way:
            under_way.put([b"whose row is yet to come"])
        batch.end()
    half = spool.path(lost.name).with_name("0" * 32 + NEW)
    half.write_bytes(b"half")
    spool.unsettled = {under_way.name}
    assert await sweep(house.context) == 2
    assert files(house) == sorted([kept, under_way.name])


async def test_the_copy_of_a_resend_has_a_file_of_its_own(house):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    await fail(house)
    await house.call("resendMessages", ids=["m1"], tenant_id="acme")
    await house.call("deleteMessages", ids=["m1"], tenant_id="acme")
    await remove_garbage(house.context)
    fields = await stored(house, "m1-r1")
    assert read(house, fields) == [LARGE]
    assert files(house) == [fields["spool"]]
    assert (await shown(house, "m1-r1"))["size_bytes"] > len(LARGE)


async def test_a_trial_of_a_resend_makes_no_file(house):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    await fail(house)
    before = files(house)
    await house.call("resendMessages", ids=["m1"], tenant_id="acme", dry_run=True)
    assert files(house) == before


async def test_what_has_lost_its_file_is_not_resent(house):
    await house.post(house.mail(attachments=[posted(LARGE)]))
    await fail(house)
    house.context.spool.remove(files(house))
    answer = await house.call("resendMessages", ids=["m1"], tenant_id="acme")
    assert answer["done"] == []
    assert "spool file" in json.dumps(answer)


# --- trouble ---


async def test_a_full_disk_refuses_the_post_and_leaves_nothing(house, monkeypatch):
    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StoreFull):
        await house.post(house.mail(attachments=[posted(LARGE)]))
    monkeypatch.undo()
    assert files(house) == []
    assert house.context.spool.unsettled == set()
    assert (await house.post(house.mail("m2")))["queued"] == 1


async def test_when_the_rows_cannot_be_written_the_files_go(house, monkeypatch):
    async def away(*_, **__):
        raise StoreUnavailable("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(type(house.store), "accept", away)
        with pytest.raises(StoreUnavailable):
            await house.post(house.mail(attachments=[posted(LARGE)]))
    assert files(house) == []


# --- a whole mail ---


RAW = b"From: a@example.com\nMessage-ID: <own@example.com>\n\n" + b"line\n" * 40_000


async def test_a_large_raw_lies_in_a_file_as_it_is_sent(house):
    await house.post(house.mail(raw=base64.b64encode(RAW).decode()))
    fields = await stored(house)
    part = Spooled(*fields["raw"]["spooled"])
    content = house.context.spool.content(fields["spool"], part)
    assert b"".join(content.blocks()) == RAW.replace(b"\n", b"\r\n")
    assert fields["raw"]["is_ascii"] is True
    record = await shown(house)
    assert record["message"]["raw"] == {"size_bytes": part.size_bytes}
    assert record["size_bytes"] > part.size_bytes
    built = build(fields, Stamp("<x@y>", 1.0, "m1"), raw=content)
    assert b"".join(built.data.blocks()).endswith(b"line\r\nline\r\n")


async def test_its_resend_keeps_its_own_message_id(house):
    await house.post(house.mail(raw=base64.b64encode(RAW).decode()))
    await fail(house)
    answer = await house.call("resendMessages", ids=["m1"], tenant_id="acme")
    assert answer["done"] == ["m1"]
    (claimed,) = await house.claim("acme", "main")
    assert claimed.rfc_message_id == "<own@example.com>"


async def test_a_large_raw_that_is_wrong_is_refused(house):
    with pytest.raises(RejectedBatch) as caught:
        await house.post(house.mail(raw="A" * 300_000 + "!"))
    assert caught.value.rejected[0]["field"] == "raw"
    assert files(house) == []


async def test_a_large_mail_is_looked_at_in_a_thread_and_the_batch_keeps_its_order(
    house, monkeypatch
):
    threads = []

    def looked_at(value):
        threads.append(threading.get_ident())
        return checked_raw(value)

    monkeypatch.setattr(intake, "checked_raw", looked_at)
    large, wrong = base64.b64encode(RAW).decode(), "A" * 300_000 + "!"
    raws = {"m1": large, "m2": wrong, "m3": None, "m4": large}
    mails = [house.mail(id=id_, **({"raw": raw} if raw else {})) for id_, raw in raws.items()]
    answer = await house.call("addMessages", messages=mails)
    assert [entry["id"] for entry in answer["rejected"]] == ["m2"]
    assert len(threads) == 3
    assert threading.get_ident() not in threads
    rows = await house.store.find_messages("acme", ["m1", "m3", "m4"])
    assert [row.id for row in sorted(rows, key=lambda row: row.pk)] == ["m1", "m3", "m4"]


# --- for delivery ---


async def test_the_credentials_are_put_to_their_attachments(house):
    url = {"filename": "u", "storage_path": "https://files.example/u"}
    await house.post(house.mail(attachments=[url, {**url, "auth": AUTH}]))
    (row,) = await house.store.find_messages("acme", ["m1"])
    attachments = read_attachments((await stored(house))["attachments"])
    assert [one.is_auth_sealed for one in attachments] == [False, True]
    opened = await with_auth(house.store, "acme", row.pk, attachments)
    assert [one.auth for one in opened] == [None, AUTH]


async def test_a_client_cannot_say_that_its_credentials_are_sealed(house):
    url = {"filename": "u", "storage_path": "https://files.example/u", "auth": "sealed"}
    assert (await refused(house, url))["field"] == "attachments[0].auth"


@pytest.mark.parametrize("auth", [{"method": "none"}, AUTH])
@pytest.mark.parametrize("content", [b"small", LARGE])
async def test_what_was_posted_is_sent_whatever_its_auth_says(house, content, auth):
    await house.post(house.mail(attachments=[posted(content, auth=auth)]))
    fields = await stored(house)
    assert "auth" not in fields["attachments"][0]
    (one,) = read_attachments(fields["attachments"])
    text = fields["attachments"][0].get("storage_path")
    held = base64.b64decode(text) if text else read(house, fields)[0]
    built = build(fields, Stamp("<1@b.example>", 0, "t"), [BytesContent(held)])
    data = built.data if isinstance(built.data, bytes) else b"".join(built.data.blocks())
    (part,) = message_from_bytes(data, policy=default).iter_attachments()
    assert part.get_payload(decode=True) == content
    assert (one.auth, one.is_auth_sealed) == (None, False)


def test_a_row_of_an_earlier_version_with_an_auth_beside_its_file_is_read():
    entry = {"filename": "a", "fetch_mode": "base64", "spooled": [0, 5, "00"], "auth": "sealed"}
    (one,) = read_attachments([entry])
    assert one.spooled == Spooled(0, 5, "00")
    assert not one.is_auth_sealed


@pytest.mark.parametrize("tidy", [remove_garbage, sweep])
async def test_a_file_that_cannot_be_removed_does_not_keep_the_others(house, tidy, monkeypatch):
    monkeypatch.setattr("mail_proxy.operations.spooling.SWEEP_AT_ONCE", 2)
    ids = [f"m{n}" for n in range(6)]
    await house.post(*(house.mail(each, attachments=[posted(LARGE)]) for each in ids))
    bad = files(house)[0]
    await house.call("deleteMessages", ids=ids, tenant_id="acme")
    if tidy is sweep:
        await house.store.forget_spool_garbage(files(house))
    path = house.context.spool.path(bad)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable):
        await tidy(house.context)
    assert files(house) == [bad]
    path.rmdir()
    path.touch()
    await tidy(house.context)
    assert files(house) == []
    assert await house.store.spool_garbage(limit=10) == []
