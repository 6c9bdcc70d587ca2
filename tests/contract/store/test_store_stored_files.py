"""Files that mails have links to: their rows, from the intent to the removal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mail_proxy.domain.state import Event
from mail_proxy.domain.stored_file import FileState, StoredFile
from mail_proxy.store.values.tenants import Tenant

NOW = 1_700_000_000.0
DAY = 86400.0


def file(n: int = 1, **changes: Any) -> StoredFile:
    plain = StoredFile(
        tenant_id="acme",
        file_id=f"{n:032x}",
        filename="offer é.pdf",
        mime_type="application/pdf",
        size_bytes=2**33,
        sha256="ab" * 32,
        location="s3://bucket/prefix",
        key=f"acme/{n:032x}/offer.pdf",
        state=FileState.UPLOADING,
        created_at=NOW,
        expires_at=NOW + DAY,
        message_pk=7,
        position=2,
    )
    return replace(plain, **changes)


async def test_a_file_is_found_by_its_id_and_its_message(scene):
    await scene.store.add_stored_file(file(1))
    await scene.store.add_stored_file(file(2, created_at=NOW + 1, message_pk=7))
    await scene.store.add_stored_file(file(3, message_pk=None, position=None))

    assert await scene.store.find_stored_file(file(1).file_id) == file(1)
    assert await scene.store.find_stored_file(file(9).file_id) is None
    found = await scene.store.stored_files_of("acme", 7)
    assert [each.file_id for each in found] == [file(1).file_id, file(2).file_id]
    assert await scene.store.stored_files_of("beta", 7) == []


async def test_a_tenant_that_is_gone_gets_no_file(scene):
    assert await scene.store.add_stored_file(file(tenant_id="nobody")) is False
    assert await scene.store.find_stored_file(file().file_id) is None


async def test_a_ready_file_never_gets_less_time_by_another_try(scene):
    store = scene.store
    await store.add_stored_file(file())

    assert await store.file_ready(file(), expires_at=NOW + 60) is True
    found = await store.find_stored_file(file().file_id)
    assert (found.state, found.expires_at) == (FileState.READY, NOW + 60)

    await store.file_ready(file(), expires_at=NOW + 9)
    assert (await store.find_stored_file(file().file_id)).expires_at == NOW + 60
    await store.file_ready(file(), expires_at=NOW + 99)
    assert (await store.find_stored_file(file().file_id)).expires_at == NOW + 99


async def test_the_first_download_is_noted_and_may_end_its_time(scene):
    store = scene.store
    await store.add_stored_file(file())
    await store.file_ready(file(), expires_at=NOW + 10 * DAY)

    await store.note_download(file(), now=NOW + 1, expires_at=NOW + DAY)
    await store.note_download(file(), now=NOW + 2, expires_at=NOW + 2)

    found = await store.find_stored_file(file().file_id)
    assert (found.downloaded_at, found.expires_at) == (NOW + 1, NOW + DAY)


async def test_a_download_gives_no_more_time(scene):
    store = scene.store
    await store.add_stored_file(file())
    await store.file_ready(file(), expires_at=NOW + 5)

    await store.note_download(file(), now=NOW + 1, expires_at=NOW + DAY)

    assert (await store.find_stored_file(file().file_id)).expires_at == NOW + 5


async def test_what_is_over_is_removed_in_order_and_by_one_only(scene):
    store = scene.store
    for n, at in ((1, 3.0), (2, 1.0), (3, 9.0)):
        await store.add_stored_file(file(n))
        await store.file_ready(file(n), expires_at=NOW + at)

    found = await store.expired_files(now=NOW + 5, limit=10)
    assert [each.file_id for each in found] == [file(2).file_id, file(1).file_id]
    assert await store.begin_removal(file(2), now=NOW + 5) is True
    assert await store.file_ready(file(2), expires_at=NOW + 99) is False
    await store.forget_file(file(1))  # not being removed: it stays
    await store.forget_file(file(2))

    left = await store.expired_files(now=NOW + 5, limit=10)
    assert [each.file_id for each in left] == [file(1).file_id]


async def test_what_got_more_time_meanwhile_is_not_removed(scene):
    store = scene.store
    await store.add_stored_file(file())
    await store.file_ready(file(), expires_at=NOW + 1)
    (seen,) = await store.expired_files(now=NOW + 5, limit=10)

    await store.file_ready(seen, expires_at=NOW + 99)

    assert await store.begin_removal(seen, now=NOW + 5) is False
    await store.postpone_file(seen, now=NOW + 5, at=NOW + 6)
    assert (await store.find_stored_file(seen.file_id)).expires_at == NOW + 99


async def test_an_upload_that_was_begun_stays_while_its_message_lives(scene):
    store = scene.store
    await scene.post("m1")
    pk = (await scene.look("m1")).pk
    await store.add_stored_file(file(message_pk=pk))
    later = NOW + 2 * DAY

    assert await store.begin_removal(file(), now=later) is False
    claimed = await scene.claim_one()
    assert await store.begin_removal(file(), now=later) is False
    await scene.finish(scene.failed(claimed))
    assert (await scene.look("m1")).state.value == Event.FAIL.value + "ed"
    assert await store.begin_removal(file(), now=later) is True


async def test_what_cannot_be_removed_comes_again_later(scene):
    store = scene.store
    await store.add_stored_file(file())
    await store.end_file(file(), now=NOW)
    assert await store.begin_removal(file(), now=NOW) is True

    await store.postpone_file(file(), now=NOW, at=NOW + 3600)

    assert await store.expired_files(now=NOW + 3599, limit=9) == []
    assert len(await store.expired_files(now=NOW + 3600, limit=9)) == 1


async def test_files_outlive_their_tenant_with_its_credentials(scene):
    store = scene.store
    auth = {"key": "k", "secret": "s3cret"}
    await store.put_tenant(Tenant("acme", storage_auth=auth), now=NOW)
    for n in range(3):
        await store.add_stored_file(file(n))
        await store.file_ready(file(n), expires_at=NOW + 99 * DAY)

    await store.delete_tenant("acme")

    found = await store.expired_files(now=NOW + 10 * 365 * DAY, limit=9)
    assert {each.tenant_id for each in found} == {""}
    assert {each.state for each in found} == {FileState.REMOVING}
    (dropped_as,) = {each.dropped_as for each in found}
    for each in found:
        assert await store.get_setting(dropped_as) == auth
        await store.forget_file(each)
        await store.forget_dropped(dropped_as)
    assert await store.get_setting(dropped_as) is None


async def test_credentials_of_a_tenant_without_files_go_with_it(scene):
    await scene.store.put_tenant(Tenant("acme", storage_auth={"key": "k"}), now=NOW)

    await scene.store.delete_tenant("acme")

    assert [name for name in await scene.store.settings() if "storage" in name] == []


async def test_the_credentials_of_a_storage_are_sealed(scene):
    await scene.store.put_tenant(Tenant("acme", storage_auth={"secret": "s3cret"}), now=NOW)

    assert (await scene.store.get_tenant("acme")).storage_auth == {"secret": "s3cret"}
