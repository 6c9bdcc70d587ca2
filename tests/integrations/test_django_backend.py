"""Django's ways of sending, through a running daemon to a mail server."""

from __future__ import annotations

import asyncio
import os
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from email.mime.image import MIMEImage
from typing import Any

import pytest

from mail_proxy.domain.errors import MailProxyError, NotRunning, RejectedBatch
from tests.faults.installation import until

pytestmark = pytest.mark.slow


@pytest.fixture
def backend(django_mail, monkeypatch):
    """Settings for a daemon at `url`; the module that Django applications import."""
    from django.conf import settings

    def configure(url: str, token: str, **more: Any):
        monkeypatch.setattr(
            settings, "MAIL_PROXY", {"URL": url, "TOKEN": token, **more}, raising=False
        )
        return django_mail

    return configure


def parsed(data: bytes) -> Parsed:
    return message_from_bytes(data, policy=policy.default)


def texts(mail: Parsed) -> dict[str, str]:
    return {
        part.get_content_type(): part.get_content().rstrip("\r\n")
        for part in mail.walk()
        if part.get_content_maintype() == "text" and part.get_filename() is None
    }


async def test_send_mail_puts_a_text_into_the_queue(running, backend):
    async with running() as main:
        mail = backend(main.url, main.key)
        sent = await asyncio.to_thread(
            mail.send_mail, "Grüße 😀", "Hallo Ann!", None, ["Ann <ann@example.net>"]
        )
        await until(lambda: main.relay.count == 1)
    (received,) = main.relay.messages
    arrived = parsed(received.data)
    assert sent == 1
    assert received.recipients == ("ann@example.net",)
    assert received.return_path == "shop@example.org"
    assert arrived["Subject"] == "Grüße 😀"
    assert texts(arrived) == {"text/plain": "Hallo Ann!"}


async def test_an_alternative_in_html_arrives_as_django_made_it(running, backend):
    async with running() as main:
        mail = backend(main.url, main.key)
        await asyncio.to_thread(
            mail.send_mail,
            "Both",
            "plain",
            "shop@example.org",
            ["ann@example.net"],
            html_message="<p>html</p>",
        )
        await until(lambda: main.relay.count == 1)
    arrived = parsed(main.relay.messages[0].data)
    assert arrived.get_content_type() == "multipart/alternative"
    assert texts(arrived) == {"text/plain": "plain", "text/html": "<p>html</p>"}


async def test_an_inline_image_and_a_large_attachment_arrive_as_they_were(running, backend):
    image, large = b"\x89PNG" + bytes(range(256)), os.urandom(5 * 2**20)
    async with running() as main:
        mail = backend(main.url, main.key)
        message = mail.EmailMultiAlternatives("Both", "text", None, ["ann@example.net"])
        message.attach_alternative('<img src="cid:logo">', "text/html")
        inline = MIMEImage(image, "png")
        inline.add_header("Content-ID", "<logo>")
        inline.add_header("Content-Disposition", "inline", filename="logo.png")
        message.attach(inline)
        message.attach("large.bin", large, "application/octet-stream")
        assert await asyncio.to_thread(message.send) == 1
        await until(lambda: main.relay.count == 1)
    parts = {part.get_filename(): part for part in parsed(main.relay.messages[0].data).walk()}
    assert parts["logo.png"]["Content-ID"] == "<logo>"
    assert parts["logo.png"].get_payload(decode=True) == image
    assert parts["large.bin"].get_payload(decode=True) == large


async def test_attachments_copies_and_headers_arrive(running, backend):
    content = bytes(range(256)) * 40
    async with running() as main:
        mail = backend(main.url, main.key)
        message = mail.EmailMessage(
            "Invoice",
            "see attached",
            "Shop <shop@example.org>",
            ["ann@example.net"],
            bcc=["boss@example.net"],
            cc=["bob@example.net"],
            reply_to=["help@example.org"],
            headers={"X-Order": "17"},
            attachments=[("rechnung ü.bin", content, "application/octet-stream")],
        )
        assert await asyncio.to_thread(message.send) == 1
        await until(lambda: main.relay.count == 1)
    (received,) = main.relay.messages
    arrived = parsed(received.data)
    (attached,) = arrived.iter_attachments()
    assert set(received.recipients) == {"ann@example.net", "bob@example.net", "boss@example.net"}
    assert (arrived["Cc"], arrived["Reply-To"]) == ("bob@example.net", "help@example.org")
    assert (arrived["X-Order"], arrived["Bcc"]) == ("17", None)
    assert attached.get_filename() == "rechnung ü.bin"
    assert attached.get_content() == content


async def test_a_message_may_have_only_hidden_recipients(running, backend):
    async with running() as main:
        mail = backend(main.url, main.key)
        message = mail.EmailMessage("News", "x", "shop@example.org", bcc=["ann@example.net"])
        assert await asyncio.to_thread(message.send) == 1
        await until(lambda: main.relay.count == 1)
    assert main.relay.messages[0].recipients == ("ann@example.net",)
    assert b"ann@example.net" not in main.relay.messages[0].data


async def test_mails_to_many_share_a_connection_and_are_counted(running, backend):
    def work(mail) -> int:
        with mail.get_connection() as connection:
            messages = [
                mail.EmailMessage(f"n{n}", "x", "shop@example.org", [f"u{n}@example.net"])
                for n in range(30)
            ]
            return connection.send_messages(messages)

    async with running() as main:
        mail = backend(main.url, main.key)
        assert await asyncio.to_thread(work, mail) == 30
        await until(lambda: main.relay.count == 30)


async def test_an_id_of_its_own_doubles_nothing(running, backend):
    def work(mail) -> list[int]:
        message = mail.EmailMessage("Invoice", "x", "shop@example.org", ["ann@example.net"])
        message.mail_proxy = {"id": "invoice-17", "priority": "immediate", "batch_code": "june"}
        return [message.send(), message.send()]

    async with running() as main:
        mail = backend(main.url, main.key)
        assert await asyncio.to_thread(work, mail) == [1, 1]
        await main.until_empty()
        (shown,) = (await main.call("listMessages", tenant_id="acme"))["messages"]
        assert await asyncio.to_thread(work, mail) == [1, 1]
        await main.until_empty()
    assert (shown["id"], shown["priority"], shown["batch_code"]) == ("invoice-17", 0, "june")
    assert main.relay.count == 1


async def test_what_is_not_taken_is_raised_after_the_others_are_queued(running, backend):
    def work(mail) -> RejectedBatch:
        good = mail.EmailMessage("a", "x", "shop@example.org", ["ann@example.net"])
        bad = mail.EmailMessage("b", "x", "shop@example.org", ["ann@example.net"])
        bad.mail_proxy = {"id": "b", "account_id": "nowhere"}
        with pytest.raises(RejectedBatch, match="did not take message b: account") as caught:
            mail.get_connection().send_messages([bad, good])
        return caught.value

    async with running() as main:
        mail = backend(main.url, main.key)
        error = await asyncio.to_thread(work, mail)
        await until(lambda: main.relay.count == 1)
    assert [entry["id"] for entry in error.rejected] == ["b"]


async def test_when_a_later_post_fails_what_the_earlier_ones_were_told_is_not_lost(
    running, backend, monkeypatch
):
    from mail_proxy.integrations import django

    def work(mail) -> RejectedBatch:
        def make(name: str, account: str = "main"):
            made = mail.EmailMessage(name, "x", "shop@example.org", ["ann@example.net"])
            made.mail_proxy = {"id": name, "account_id": account}
            return made

        messages = [make("a"), make("b", "nowhere"), make("c"), make("d"), make("e")]
        connection = mail.get_connection()
        connection.open()
        add = connection._client.messages.add

        def failing(batch):
            if batch[0]["id"] == "c":
                raise NotRunning("it has gone")
            return add(batch)

        monkeypatch.setattr(connection._client.messages, "add", failing)
        with connection, pytest.raises(RejectedBatch, match="message b: account") as caught:
            connection.send_messages(messages)
        return caught.value

    monkeypatch.setattr(django, "MAX_BATCH", 2)
    async with running() as main:
        mail = backend(main.url, main.key)
        error = await asyncio.to_thread(work, mail)
        await until(lambda: main.relay.count == 1)
    assert [entry["id"] for entry in error.rejected] == ["b", "c", "d", "e"]
    assert {entry["reason"] for entry in error.rejected[1:]} == {"it has gone"}
    assert isinstance(error.__cause__, NotRunning)


async def test_failing_silently_counts_what_was_queued(running, backend):
    def work(mail) -> int:
        good = mail.EmailMessage("a", "x", "shop@example.org", ["ann@example.net"])
        bad = mail.EmailMessage("b", "x", "shop@example.org", ["ann@example.net"])
        bad.mail_proxy = {"account_id": "nowhere"}
        return mail.get_connection(fail_silently=True).send_messages([bad, good])

    async with running() as main:
        mail = backend(main.url, main.key)
        assert await asyncio.to_thread(work, mail) == 1


def test_a_daemon_that_is_away_is_told(backend):
    mail = backend("http://127.0.0.1:9", "mp_any")
    with pytest.raises(NotRunning):
        mail.send_mail("a", "b", "shop@example.org", ["ann@example.net"])
    quiet = mail.send_mail("a", "b", "shop@example.org", ["ann@example.net"], fail_silently=True)
    assert quiet == 0


@pytest.mark.parametrize(("url", "token", "missing"), [("", "x", "URL"), ("http://x", "", "TOKEN")])
def test_a_missing_setting_is_named(backend, url: str, token: str, missing: str):
    from django.core.exceptions import ImproperlyConfigured

    mail = backend(url, token)
    with pytest.raises(ImproperlyConfigured, match=missing):
        mail.get_connection()


async def test_threads_may_share_a_connection(running, backend):
    failures: list[MailProxyError] = []

    def work(mail) -> None:
        with mail.get_connection() as connection:

            def send(n: int) -> None:
                message = mail.EmailMessage("x", "x", "shop@example.org", [f"u{n}@example.net"])
                try:
                    connection.send_messages([message])
                except MailProxyError as error:
                    failures.append(error)

            threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    async with running() as main:
        mail = backend(main.url, main.key)
        await asyncio.to_thread(work, mail)
        await until(lambda: main.relay.count == 8)
    assert failures == []
