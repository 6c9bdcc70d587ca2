"""Attachments through a real daemon: what a reader saves is what the application has attached."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.sinks.smtp import header
from tests.faults.file_server import FileServer, basic
from tests.faults.installation import until
from tests.faults.letters import attached, file_of, md5_of, octets, posted, read, sha256_of

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0
Running = Any  # see conftest: an instance with a tenant, an account, a relay and an application
ALLOWED = {"GMP_ALLOWED_NETWORKS": FileServer.host}
SMALL, LARGE = octets(3_000), octets(300_000, 2)
BASIC = {"method": "basic", "user": "acme", "password": "the-endpoints-password"}
BEARER = {"method": "bearer", "token": "the-token-of-one-file"}
MAXIMUM = 25 * 2**20


async def post(main: Any, **messages: dict[str, Any]) -> None:
    """Post each message with its fields."""
    usual = {"from": "a@acme.example", "to": "b@x.example"}
    given = [{"id": id_, "subject": id_, **usual, **fields} for id_, fields in messages.items()]
    told = await main.call("addMessages", tenant_id="acme", messages=given)
    assert not told["rejected"], told


async def sent(main: Any, messages: dict[str, Any]) -> dict[str, bytes]:
    """The mails by id, when all have come."""
    before = main.relay.count
    await post(main, **messages)
    await main.relay.wait_for(before + len(messages), timeout_s=PATIENCE_S)
    mails = {header(mail.data, b"X-Genro-Mail-ID"): mail.data for mail in main.relay.messages}
    return {id_: mails[id_] for id_ in messages}


def folder_of(main: Any) -> Path:
    """Where the tenant's files lie."""
    folder: Path = main.instance.folder / "attachments" / "acme"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def file(filename: str, path: str, **more: Any) -> dict[str, Any]:
    return {"attachments": [file_of(filename, path, **more)]}


async def test_each_mode_delivers_the_octets_of_its_source(
    running: Running, tmp_path: Path
) -> None:
    other = tmp_path / "shared"
    other.mkdir()
    (other / "absolute.bin").write_bytes(LARGE + b"absolute")
    async with FileServer() as files, running(ALLOWED, application=files) as main:
        await main.call(
            "updateTenant", tenant_id="acme", client_auth=BASIC, attachment_folders=[str(other)]
        )
        login = basic("acme", BASIC["password"])
        (folder_of(main) / "a folder").mkdir()
        (folder_of(main) / "a folder" / "relative.bin").write_bytes(LARGE + b"relative")
        url = files.put("/by-url.bin", LARGE + b"url")
        files.put("invoices/7", LARGE + b"endpoint", login=login)
        files.put("params=1&x", LARGE + b"server")
        entries: dict[str, tuple[dict[str, Any], bytes]] = {
            "base64": (posted("f", SMALL), SMALL),
            "spooled": (posted("f", LARGE), LARGE),
            "inferred base64": (
                file_of("f", "base64:" + posted("f", SMALL)["storage_path"]),
                SMALL,
            ),
            "http_url": (file_of("f", url, fetch_mode="http_url"), LARGE + b"url"),
            "endpoint": (
                file_of("f", "invoices/7", fetch_mode="endpoint"),
                LARGE + b"endpoint",
            ),
            "server": (file_of("f", f"[{files.base_url}/x]params=1&x"), LARGE + b"server"),
            "relative": (
                file_of("f", "a folder/relative.bin", fetch_mode="filesystem"),
                LARGE + b"relative",
            ),
            "absolute": (file_of("f", str(other / "absolute.bin")), LARGE + b"absolute"),
        }
        mails = await sent(main, {id_: {"attachments": [e]} for id_, (e, _) in entries.items()})
        together = [entry | {"filename": id_} for id_, (entry, _) in entries.items()]
        (all_in_one,) = (await sent(main, {"all": {"attachments": together}})).values()
        assert await main.statuses() == {"sent": len(entries) + 1}
    came = {id_: [sha256_of(data) for _, data in attached(mail)] for id_, mail in mails.items()}
    assert came == {id_: [sha256_of(data)] for id_, (_, data) in entries.items()}
    assert attached(all_in_one) == [(id_, data) for id_, (_, data) in entries.items()]


async def test_a_whole_mail_of_two_megabytes_arrives_as_it_was_posted(running: Running) -> None:
    lines = [b"%07d the line of a long mail" % n for n in range(65_000)]
    raw = b"\r\n".join([b"Subject: raw", b"From: a@acme.example", b"", *lines, b""])
    assert len(raw) > 2_000_000
    async with running() as main:
        mails = await sent(main, {"raw": {"raw": b64encode(raw).decode()}})
    assert mails["raw"].endswith(raw.partition(b"\r\n\r\n")[2])


async def test_an_empty_file_and_the_largest_usual_one_arrive_whole(running: Running) -> None:
    data = octets(MAXIMUM, 3)
    async with FileServer() as files, running(ALLOWED, application=files) as main:
        empty, large = files.put("/empty", b""), files.put("/large", data)
        (folder_of(main) / "empty").write_bytes(b"")
        (folder_of(main) / "large").write_bytes(data)
        mails = await sent(
            main,
            {
                "empty by url": file("f", empty),
                "empty file": file("f", "empty", fetch_mode="filesystem"),
                "empty posted": {"attachments": [posted("f", b"")]},
                "large by url": file("f", large),
                "large file": file("f", "large", fetch_mode="filesystem"),
                "large posted": {"attachments": [posted("f", data)]},
            },
        )
    for id_, mail in mails.items():
        expected = b"" if id_.startswith("empty") else data
        assert [sha256_of(found) for _, found in attached(mail)] == [sha256_of(expected)], id_


NAMES = (
    "Übergrößen, Träger №5.pdf",
    "請求書.pdf",
    'a "quoted"; name\\.pdf',
    "../../etc/passwd",
    "C:\\Windows\\x.exe",
    "invoice\u202efdp.exe",
    "x" * 251 + ".pdf",
    "ü" * 251 + ".pdf",
    "%2e%2e%2f'semi;colon=1.pdf",
)


async def test_any_name_of_one_line_stands_in_the_mail_as_it_was_given(running: Running) -> None:
    async with running() as main:
        mails = await sent(
            main, {f"m{n}": {"attachments": [posted(name, SMALL)]} for n, name in enumerate(NAMES)}
        )
    found = [attached(mail) for mail in mails.values()]
    assert found == [[(name, SMALL)] for name in NAMES]
    for mail in mails.values():  # nothing of a name has become a header or a part
        assert [part.get_content_type() for part in read(mail).walk()][:2] == [
            "multipart/mixed",
            "text/plain",
        ]


async def test_a_marker_is_taken_out_of_the_name_and_counts(running: Running) -> None:
    async with FileServer() as files, running(ALLOWED, application=files) as main:
        url = files.put("/a", LARGE)
        marked = [f"bill_{{MD5:{md5_of(data)}}}.pdf" for data in (LARGE, SMALL)]
        mails = await sent(main, {"right": file(marked[0], url)})
        await post(main, wrong=file(marked[1], url))
        await until(lambda: any("deferred_reason" in entry for entry in files.entries))
        (told,) = [entry for entry in files.entries if "deferred_reason" in entry]
    assert attached(mails["right"]) == [("bill.pdf", LARGE)]
    assert "bill.pdf: it does not have its content_md5" in told["deferred_reason"]


async def test_an_inline_image_is_what_the_html_shows(running: Running) -> None:
    async with running() as main:
        entries = [
            posted("logo.png", SMALL, content_id="logo@acme.example"),
            posted("terms.pdf", LARGE),
        ]
        html = '<p>Hello <img src="cid:logo@acme.example"></p>'
        mails = await sent(main, {"m": {"html": html, "body": "Hello", "attachments": entries}})
    (related,) = [
        part for part in read(mails["m"]).walk() if part.get_content_type() == "multipart/related"
    ]
    body, image = related.iter_parts()
    assert 'src="cid:logo@acme.example"' in body.get_content()
    assert image["Content-ID"] == "<logo@acme.example>"
    assert (image.get_content_type(), image.get_content_disposition()) == ("image/png", "inline")
    assert image.get_payload(decode=True) == SMALL
    assert attached(mails["m"]) == [("terms.pdf", LARGE)]


async def test_credentials_of_an_attachment_go_to_its_server_and_nowhere_else(
    running: Running,
) -> None:
    async with FileServer() as files, running(ALLOWED, application=files) as main:
        await main.call("updateTenant", tenant_id="acme", client_auth=BASIC)
        secret = BEARER["token"]
        url = files.put("/by-token", LARGE, login=f"Bearer {secret}")
        files.put("by-token", LARGE, login=f"Bearer {secret}")
        refused = files.put("/refused", LARGE, login="Bearer another")
        mails = await sent(
            main,
            {
                "url": file("f", url, auth=BEARER),
                "endpoint": file("f", "by-token", auth=BEARER),
            },
        )
        await post(main, refused=file("f", refused, auth=BEARER))
        await files.wait_for(3)
        answers = [
            await main.call(command, tenant_id="acme", **fields)
            for command, fields in [
                ("listMessages", {}),
                *[
                    (name, {"id": id_})
                    for name in ("getMessage", "getMessageEvents")
                    for id_ in mails
                ],
            ]
        ]
        folder = main.instance.folder
        everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
        assert b"by-token" in everything
        assert secret.encode() not in everything  # database, log, journal, cache
    assert [attached(mail) for mail in mails.values()] == [[("f", LARGE)]] * 2
    assert "********" in str(answers)
    assert secret not in str(answers) + str(files.entries)
    assert {entry["id"]: entry.get("error") for entry in files.entries} == {
        "url": None,
        "endpoint": None,
        "refused": f"Attachment fetch failed for f: {files.host} answered 401 (Unauthorized)",
    }


async def test_a_fetch_that_failed_is_tried_again_and_the_mail_is_sent(running: Running) -> None:
    async with (
        FileServer() as files,
        running(ALLOWED, application=files, retry_delays=[0.2]) as main,
    ):
        files.put("/late", LARGE)
        url = files.status("/late", 503, 200)
        mails = await sent(main, {"late": file("f", url)})
        assert await main.statuses() == {"sent": 1}
    assert attached(mails["late"]) == [("f", LARGE)]
    assert files.asked["/late"] == 2
