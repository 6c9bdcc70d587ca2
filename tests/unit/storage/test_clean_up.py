"""What no link leads to any more goes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mail_proxy.domain.errors import AttachmentFailed
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.storage.errors import StorageFailed
from mail_proxy.storage.local import LocalObjects
from mail_proxy.store.values.tenants import Tenant
from tests.unit.operations.conftest import NOON
from tests.unit.storage.conftest import LARGE, House
from tests.unit.storage.test_applied import Changing

DAY = 86400.0


async def clean_up(house: House) -> int:
    return await house.storage.clean_up(lambda: False)


async def test_a_file_goes_when_its_last_link_has_ended(house: House):
    await house.apply({"big.bin": LARGE})
    (row,) = await house.store.stored_files_of("acme", 1)

    house.clock.at = row.expires_at - 1
    assert await clean_up(house) == 0
    assert len(house.kept()) == 1
    house.clock.at = row.expires_at
    assert await clean_up(house) == 1

    assert house.kept() == {}
    assert await house.store.stored_files_of("acme", 1) == []
    assert list(house.files_dir.rglob(row.file_id)) == []
    assert house.counted("removed") == 1


async def test_an_upload_that_was_begun_and_never_ended_goes_after_a_day(house: House):
    with pytest.raises(AttachmentFailed):
        await house.apply({"big.bin": Changing()})
    (row,) = await house.store.stored_files_of("acme", 1)
    folder = house.files_dir / "acme" / row.file_id
    (folder / ".0123.part").write_bytes(b"what a crash has left")

    assert await clean_up(house) == 0
    house.clock.at += DAY
    assert await clean_up(house) == 1

    assert not folder.exists()
    assert await house.store.stored_files_of("acme", 1) == []


class Away(LocalObjects):
    tries = 0
    is_away = True

    def remove(self, key: str) -> None:
        Away.tries += 1
        if Away.is_away:
            raise StorageFailed("the storage cannot be reached", detail="connection refused")
        super().remove(key)


async def test_what_cannot_be_removed_is_tried_again_in_an_hour(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mail_proxy.storage.backends.LocalObjects", Away)
    monkeypatch.setattr(Away, "tries", 0)
    for pk in range(3):
        await house.apply({"big.bin": LARGE}, pk=pk)
    house.clock.at += 40 * DAY

    assert await clean_up(house) == 0
    assert Away.tries == 1  # the others of that place are spared
    assert house.counted("not_removed") == 3
    assert len(house.kept()) == 3

    monkeypatch.setattr(Away, "is_away", False)
    assert await clean_up(house) == 0
    house.clock.at += 3600
    assert await clean_up(house) == 3
    assert house.kept() == {}


async def test_the_files_of_a_deleted_tenant_go_at_once(house: House):
    await house.apply({"big.bin": LARGE})
    await house.store.delete_tenant("acme")

    assert await clean_up(house) == 1

    assert house.kept() == {}


async def test_they_are_removed_with_the_credentials_that_it_had(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    class Cloud:
        def write(self, key: str, blocks: Iterator[bytes], mime_type: str) -> None:
            list(blocks)

        def check(self, key: str, digest: object) -> None:
            pass

        def remove(self, key: str) -> None:
            seen.append(key)

    def opened(place: object, auth: object) -> Cloud:
        seen.append(auth)
        return Cloud()

    monkeypatch.setattr("mail_proxy.storage.backends.open_cloud", opened)
    auth = {"key": "k", "secret": "s"}
    await house.configure(storage_url="s3://bucket")
    await house.store.put_tenant(
        Tenant("acme", large_file_config=house.config, storage_auth=auth), now=NOON
    )
    await house.apply({"big.bin": LARGE})
    await house.store.delete_tenant("acme")
    await house.configure(storage_url="s3://bucket")  # another one of that name

    assert await clean_up(house) == 1

    assert seen[0] == auth
    assert len(seen) == 2  # the place is opened once
    assert [name for name in await house.store.settings() if "storage_auth" in name] == []


async def test_it_stops_when_the_daemon_does(house: House):
    await house.apply({"big.bin": LARGE})
    house.clock.at += 40 * DAY

    assert await house.storage.clean_up(lambda: True) == 0
    assert len(house.kept()) == 1


async def test_a_retry_that_comes_while_it_is_removed_gets_another_file(house: House):
    await house.apply({"big.bin": LARGE})
    (old,) = await house.store.stored_files_of("acme", 1)
    house.clock.at = old.expires_at
    assert await house.store.begin_removal(old, now=house.clock.at)

    applied = await house.apply({"big.bin": LARGE})
    await clean_up(house)

    (new,) = await house.store.stored_files_of("acme", 1)
    assert new.file_id != old.file_id
    assert new.file_id in applied.fields["body_text"]
    assert list(house.kept().values()) == [LARGE]


async def test_hundreds_are_removed_in_one_round(house: House):
    row = StoredFile(
        tenant_id="acme",
        file_id="",
        filename="a",
        mime_type="",
        size_bytes=1,
        sha256="",
        location="file://",
        key="",
        state=FileState.READY,
        created_at=NOON,
        expires_at=NOON,
    )
    for n in range(230):
        file_id = f"{n:032x}"
        await house.store.add_stored_file(replace(row, file_id=file_id, key=f"acme/{file_id}/a"))

    assert await clean_up(house) == 230
