"""A mail with a large attachment, from the post to the download of what its link leads to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import requests

from tests.clouds.conftest import Cloud
from tests.clouds.conftest import s3 as s3
from tests.faults.installation import Installation, until

pytestmark = pytest.mark.slow

LARGE = os.urandom(3 * 2**20 + 17)
SMALL = b"small enough"
REASON = "the storage cannot be reached"
NAME = "Übersicht <2026>.html"


async def fetched(url: str, method: str = "GET", **headers: str) -> requests.Response:
    return await asyncio.to_thread(requests.request, method, url, headers=headers, timeout=30)


async def post(main: Installation, **config: Any) -> None:
    """A message with a large attachment and a small one."""
    await main.call(
        "updateTenant",
        tenant_id="acme",
        large_file_config={"enabled": True, "max_size_mb": 1, "action": "rewrite", **config},
    )
    files = {NAME: LARGE, "small.txt": SMALL}
    message = {
        "id": "m1",
        "account_id": "main",
        "from": "shop@example.com",
        "to": "ann@example.org",
        "subject": "Hello",
        "text": "Guten Tag",
        "html": "<html lang='de'><body><p>Guten Tag</p></body></html>",
        "attachments": [
            {"filename": name, "storage_path": "base64:" + base64.b64encode(octets).decode()}
            for name, octets in files.items()
        ],
    }
    added = await main.call("addMessages", tenant_id="acme", messages=[message])
    assert added["rejected"] == []


async def send(main: Installation, **config: Any) -> EmailMessage:
    """The mail that comes of it."""
    await post(main, **config)
    await main.until_empty()
    (received,) = main.relay.messages
    mail = message_from_bytes(received.data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def link_of(mail: EmailMessage) -> str:
    """The only one, the same in both bodies."""
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    (url,) = re.findall(r"https?://\S+", text.get_content())
    assert url.replace("&", "&amp;") in html.get_content()
    assert "Verfügbar bis zum" in html.get_content()
    assert "(3,0 MB)" in text.get_content()
    return str(url)


async def test_the_link_in_the_mail_leads_to_the_octets(running):
    async with running() as main:
        mail = await send(main, storage_url="file://", public_base_url=main.url)
        url = link_of(mail)

        assert [part.get_filename() for part in mail.iter_attachments()] == ["small.txt"]
        answered = await fetched(url)
        assert answered.status_code == 200
        assert hashlib.sha256(answered.content).digest() == hashlib.sha256(LARGE).digest()
        assert answered.headers["Content-Disposition"].startswith("attachment;")
        assert answered.headers["X-Content-Type-Options"] == "nosniff"

        head = await fetched(url, "HEAD")
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(LARGE)))
        part = await fetched(url, Range="bytes=1000000-", **{"If-Range": head.headers["ETag"]})
        assert (part.status_code, part.content) == (206, LARGE[1000000:])
        assert (await fetched(url, Range=f"bytes={len(LARGE)}-")).status_code == 416

        # One bit of each part of the link.
        token = url.split("/")[-2]
        bodies = set()
        for at in (0, 31, 33, 40, len(token) - 32, len(token) - 1):
            changed = token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :]
            refused = await fetched(url.replace(token, changed))
            assert refused.status_code == 403, changed
            bodies.add(refused.content)
        refused = await fetched(url.replace("Ubersicht", "Ubersichu"))
        assert refused.status_code == 403
        assert bodies == {refused.content}

        # A restart changes nothing; nobody but the daemon reads the file.
        await main.stop()
        await main.start()
        assert (await fetched(url)).content == LARGE
        found = list((main.instance.folder / "files").rglob("*"))
        assert [path for path in found if path.stat().st_mode & 0o077] == []
        assert len([path for path in found if path.is_file()]) == 1


async def test_the_link_of_a_cloud_leads_there_or_through_the_daemon(running, s3: Cloud):
    place = {"storage_url": s3.storage_url, "storage_auth": s3.auth}
    async with running() as main:
        url = link_of(await send(main, **place))
        assert url.startswith(s3.auth["endpoint_url"])
        assert (await fetched(url)).content == LARGE
        assert main.log_text().count(s3.auth["secret"]) == 0
    assert s3.auth["secret"].encode() not in main.instance.database_path.read_bytes()


async def test_our_own_link_leads_on_to_the_cloud(running, s3: Cloud):
    place = {"storage_url": s3.storage_url, "storage_auth": s3.auth}
    async with running() as main:
        url = link_of(await send(main, public_base_url=main.url, **place))
        assert url.startswith(main.url)
        assert (await fetched(url)).content == LARGE
        assert main.query("SELECT downloaded_at IS NOT NULL FROM stored_files") == [(1,)]


async def test_a_message_that_is_too_large_is_rejected_for_good(running):
    async with running() as main:
        await post(main, action="reject")
        await main.until_empty()

        found = (await main.call("getMessage", tenant_id="acme", id="m1"))["message"]
        assert found["status"] == "error"
        assert found["error"] == f"Attachment '{NAME}' (3.0 MB) exceeds limit (1 MB)"
        assert list(main.relay.messages) == []


async def test_a_place_that_is_away_puts_the_mail_off(running):
    auth = {"key": "k", "secret": "s", "region": "us-east-1", "endpoint_url": "http://127.9.9.9:9"}
    async with running() as main:
        await post(main, storage_url="s3://bucket", storage_auth=auth)

        async def is_put_off() -> bool:
            found = (await main.call("getMessage", tenant_id="acme", id="m1"))["message"]
            return found["status"] == "deferred" and REASON in found["last_error"]

        await until(is_put_off)
        assert list(main.relay.messages) == []
