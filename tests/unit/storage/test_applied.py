"""A message and its tenant's rule for large files."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.content import BytesContent
from mail_proxy.domain.errors import AttachmentFailed, ContentChanged, SecretsUnavailable
from mail_proxy.domain.media_types import guessed_type
from mail_proxy.domain.stored_file import FileState
from mail_proxy.storage.local import LocalObjects
from mail_proxy.store.values.tenants import Tenant
from tests.patience import PATIENCE_S
from tests.unit.operations.conftest import NOON
from tests.unit.storage.conftest import BASE_URL, LARGE, SMALL, House

DAY = 86400.0
TOKEN = re.compile(re.escape(BASE_URL) + r"download/(([0-9a-f]{32})-(\d+)-[0-9a-f]{32})/([^\s\"]+)")


class Changing:
    """Octets that are others the second time."""

    def __init__(self) -> None:
        self.read = 0

    @property
    def size_bytes(self) -> int:
        return len(LARGE)

    def blocks(self) -> Iterator[bytes]:
        self.read += 1
        yield LARGE if self.read == 1 else bytes(len(LARGE))


async def test_what_is_too_large_becomes_a_link_and_the_rest_stays(house: House):
    applied = await house.apply({"big é.bin": LARGE, "small.txt": SMALL})

    assert [a.filename for a in applied.attachments] == ["small.txt"]
    assert [b"".join(c.blocks()) for c in applied.contents] == [SMALL]
    (found,) = TOKEN.finditer(applied.fields["body_text"])
    assert found[4] == "big_e.bin"
    assert house.kept() == {f"acme/{found[2]}/big_e.bin": LARGE}
    row = await house.store.find_stored_file(found[2])
    assert row is not None
    assert (row.state, row.message_pk, row.position) == (FileState.READY, 1, 0)
    assert row.expires_at == float(found[3])
    assert 30 * DAY < row.expires_at - NOON <= 31 * DAY


async def test_the_fields_name_what_stays_alone(house: House):
    entries = [{"filename": "big"}, {"filename": "small"}]

    applied = await house.apply({"big": LARGE, "small": SMALL}, body="x", attachments=entries)

    assert applied.fields["attachments"] == [{"filename": "small"}]
    assert entries[0] == {"filename": "big"}


async def test_nothing_else_is_touched(house: House):
    fields = {"body": "x"}
    attachments, contents = [Attachment("a", Mode.BASE64)], [BytesContent(SMALL)]
    for given in (fields, {"raw": "Subject: x"}):
        applied = await house.storage.applied("acme", 1, given, attachments, contents)
        assert applied.fields is given
        assert applied.contents == tuple(contents)
    raw = await house.apply({"big": LARGE}, raw={"spooled": [0, 9, ""]})
    assert len(raw.attachments) == 1
    gone = await house.storage.applied("nobody", 1, fields, attachments, [BytesContent(LARGE)])
    assert gone.fields is fields
    assert house.kept() == {}


async def test_a_warning_sends_it_all_the_same(house: House):
    await house.configure(action="warn")

    applied = await house.apply({"big": LARGE})

    assert len(applied.attachments) == 1
    assert house.counted("warned") == 1


async def test_a_rejection_is_for_good_and_stores_nothing(house: House):
    await house.configure(action="reject")

    with pytest.raises(AttachmentFailed) as caught:
        await house.apply({"a.bin": SMALL, "b.bin": b"x" * 2**20})

    assert caught.value.is_permanent is True
    assert str(caught.value) == "Attachment 'b.bin' (1.0 MB) exceeds limit (0.001 MB)"
    assert house.counted("rejected") == 1
    assert house.kept() == {}


async def test_an_image_that_the_html_shows_stays(house: House):
    logo = Attachment("logo.png", Mode.BASE64, content_id="logo")
    fields = {"body_html": '<img src="cid:logo">'}

    applied = await house.storage.applied("acme", 1, fields, [logo], [BytesContent(LARGE)])

    assert applied.attachments == (logo,)
    assert applied.fields is fields


async def test_another_try_uses_what_was_uploaded_and_gives_it_its_whole_time(house: House):
    first = await house.apply({"big.bin": LARGE})
    house.clock.at += 20 * DAY
    second = await house.apply({"big.bin": LARGE})

    one, two = (TOKEN.search(each.fields["body_text"]) for each in (first, second))
    assert one is not None
    assert two is not None
    assert one[2] == two[2]
    assert float(two[3]) - float(one[3]) == 20 * DAY
    assert len(house.kept()) == 1
    row = await house.store.find_stored_file(two[2])
    assert row is not None
    assert row.expires_at == float(two[3])


async def test_other_octets_of_another_try_get_a_link_of_their_own(house: House):
    first = await house.apply({"big.bin": LARGE})
    second = await house.apply({"big.bin": LARGE + b"!"})

    assert len(house.kept()) == 2
    assert first.fields["body_text"] != second.fields["body_text"]


async def test_an_object_that_is_gone_is_uploaded_anew_under_its_old_link(house: House):
    await house.apply({"big.bin": LARGE})
    (path,) = house.kept()
    (house.files_dir / path).unlink()

    await house.apply({"big.bin": LARGE})

    assert house.kept() == {path: LARGE}


async def test_the_same_file_twice_in_a_message_has_two_links(house: House):
    applied = await house.apply({"a.bin": LARGE, "b.bin": LARGE})

    assert len({found[2] for found in TOKEN.finditer(applied.fields["body_text"])}) == 2


class Broken(LocalObjects):
    """A disk that is full after the first octets, until it is not."""

    is_full = True

    def write(self, key: str, blocks: Iterator[bytes], mime_type: str) -> None:
        def some() -> Iterator[bytes]:
            yield next(blocks)[:100]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        super().write(key, some() if Broken.is_full else blocks, mime_type)


async def test_a_failed_upload_puts_the_message_off_and_its_row_is_used_again(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mail_proxy.storage.backends.LocalObjects", Broken)
    with pytest.raises(AttachmentFailed) as caught:
        await house.apply({"big.bin": LARGE})
    assert caught.value.is_permanent is False
    assert "Attachment upload failed for big.bin" in str(caught.value)
    assert house.kept() == {}
    (intent,) = await house.store.stored_files_of("acme", 1)
    assert intent.state is FileState.UPLOADING
    assert house.counted("not_stored") == 1

    monkeypatch.setattr(Broken, "is_full", False)
    await house.apply({"big.bin": LARGE})

    (row,) = await house.store.stored_files_of("acme", 1)
    assert (row.file_id, row.state) == (intent.file_id, FileState.READY)


class Unreadable:
    """Octets of a file that is gone."""

    size_bytes = len(LARGE)

    def blocks(self) -> Iterator[bytes]:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/srv/secret")


async def test_a_failed_upload_is_told_without_a_path_of_the_host(house: House):
    with pytest.raises(AttachmentFailed) as caught:
        await house.apply({"big.bin": Unreadable()})

    told = "Attachment upload failed for big.bin: No such file or directory"
    assert str(caught.value) == told


async def test_octets_that_change_while_they_are_uploaded_are_no_file(house: House):
    with pytest.raises(AttachmentFailed) as caught:
        await house.apply({"big.bin": Changing()})

    assert caught.value.is_permanent is False
    assert isinstance(caught.value.__cause__, ContentChanged)
    assert house.kept() == {}


async def test_a_place_without_its_library_names_the_extra(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    await house.configure(storage_url="s3://bucket/x")

    with pytest.raises(AttachmentFailed) as caught:
        await house.apply({"big.bin": LARGE})

    assert "extra large-files" in str(caught.value)
    assert caught.value.is_permanent is False


async def test_nobody_but_the_daemon_reads_the_instances_own_folder(house: House):
    await house.apply({"big.bin": LARGE})

    modes = [stat.S_IMODE(path.stat().st_mode) for path in house.files_dir.rglob("*")]
    assert modes
    assert [mode for mode in modes if mode & 0o077] == []


async def test_another_web_server_may_read_a_folder_that_lets_it(house: House, tmp_path: Path):
    folder = tmp_path / "srv"
    folder.mkdir()
    folder.chmod(0o2750)
    await house.configure(storage_url=f"file://{folder}")

    await house.apply({"big.bin": LARGE})

    (kept,) = (path for path in folder.rglob("*") if path.is_file())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o2750
    assert kept.relative_to(folder).parts[0] == "acme"


async def test_credentials_that_cannot_be_read_are_no_failure_of_the_message(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    tenant = await house.store.get_tenant("acme")
    assert tenant is not None

    async def unreadable(tenant_id: str) -> Tenant:
        return replace(tenant, storage_auth=None, secret_unreadable=True)

    monkeypatch.setattr(house.store, "get_tenant", unreadable)

    with pytest.raises(SecretsUnavailable, match="the credentials of the tenant's storage"):
        await house.apply({"big.bin": LARGE})

    assert house.counted("not_stored") == 1
    assert house.kept() == {}


async def test_the_type_of_a_stored_file_is_that_of_a_mailed_one(house: House):
    await house.apply({"notes.md": LARGE})

    (row,) = await house.store.stored_files_of("acme", 1)
    assert row.mime_type == guessed_type("notes.md") == "text/markdown"


async def test_a_storage_that_hangs_for_one_tenant_holds_up_no_other(house: House):
    gate = threading.Event()
    try:
        for _ in range(5):
            hanging = house.backends.run("other", lambda: gate.wait(2 * PATIENCE_S))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(hanging, 0.01)
        async with asyncio.timeout(PATIENCE_S):
            applied = await house.apply({"big.bin": LARGE})
        assert applied.attachments == ()
    finally:
        gate.set()
