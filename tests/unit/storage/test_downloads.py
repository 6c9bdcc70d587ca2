"""Links to the daemon: who may follow them, for how long, and what is noted."""

from __future__ import annotations

import os
from typing import Any

import pytest

from mail_proxy.domain.errors import Forbidden, NotFound
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.observe.metrics import MailMetrics
from mail_proxy.storage import Backends, LargeFileStorage
from mail_proxy.storage.tokens import SETTING
from tests.unit.operations.conftest import NOON
from tests.unit.storage.conftest import LARGE, House
from tests.unit.storage.test_applied import TOKEN

DAY = 86400.0


async def link(house: House, **files: bytes) -> tuple[str, str]:
    """Token and name of the first one."""
    applied = await house.apply(files or {"big.bin": LARGE})
    found = TOKEN.search(applied.fields["body_text"])
    assert found is not None
    return found[1], found[4]


async def test_a_link_leads_to_the_file(house: House):
    offered = await house.storage.offered(*(await link(house)))

    file = offered.open()
    assert os.read(file, 10**6) == LARGE
    os.close(file)
    assert offered.size_bytes == len(LARGE)
    assert offered.disposition.startswith('attachment; filename="big.bin"')


async def test_one_changed_digit_anywhere_is_refused_with_one_answer(house: House):
    token, name = await link(house)
    answers = set()
    for at, digit in enumerate(token):
        other = "1" if digit == "0" else "0" if digit != "-" else "_"
        with pytest.raises(Forbidden) as caught:
            await house.storage.offered(token[:at] + other + token[at + 1 :], name)
        answers.add(str(caught.value))
    for wrong_token, wrong_name in (
        (token, "big.exe"),
        (token, name + "x"),
        (token.upper(), name),
        (token + "0", name),
        (token[:-1], name),
        (token.replace("-", "-0", 1), name),
        (f" {token}", name),
        ("", name),
        ("\ud800", name),
        (token, "\ud800"),
    ):
        with pytest.raises(Forbidden) as caught:
            await house.storage.offered(wrong_token, wrong_name)
        answers.add(str(caught.value))
    assert len(answers) == 1


async def test_an_expired_link_is_refused_with_the_same_answer(house: House):
    token, name = await link(house)
    until = float(token.split("-")[1])

    house.clock.at = until - 1
    await house.storage.offered(token, name)
    house.clock.at = until
    with pytest.raises(Forbidden) as caught:
        await house.storage.offered(token, name)
    with pytest.raises(Forbidden) as other:
        await house.storage.offered("0" * 32 + "-1-" + "0" * 32, name)
    assert str(caught.value) == str(other.value)


async def test_a_link_of_another_instance_is_refused(house: House):
    token, name = await link(house)
    await house.store.set_setting(SETTING, "00" * 32, secret=True)
    async with OutgoingHttp() as http:
        backends = Backends(house.files_dir)
        other = LargeFileStorage(
            house.store, backends, http, clock=house.clock, metrics=MailMetrics()
        )
        with pytest.raises(Forbidden):
            await other.offered(token, name)
        other.close()


async def test_links_survive_a_restart_and_a_new_encryption_key(house: House):
    token, name = await link(house)
    await house.store.replace_key()
    async with OutgoingHttp() as http:
        backends = Backends(house.files_dir)
        again = LargeFileStorage(
            house.store, backends, http, clock=house.clock, metrics=MailMetrics()
        )
        assert (await again.offered(token, name)).size_bytes == len(LARGE)
        again.close()


async def test_the_secret_of_the_links_is_sealed(house: House):
    await link(house)
    secret = await house.store.get_setting(SETTING)

    assert len(bytes.fromhex(secret)) == 32
    database = house.files_dir.parent
    assert all(secret.encode() not in path.read_bytes() for path in database.glob("queue.db*"))


async def test_a_file_that_is_gone_is_told_as_such(house: House):
    token, name = await link(house)
    offered = await house.storage.offered(token, name)
    (path,) = house.kept()
    (house.files_dir / path).unlink()
    with pytest.raises(NotFound):
        offered.open()

    await house.store.delete_tenant("acme")
    with pytest.raises(NotFound):
        await house.storage.offered(token, name)


async def test_neither_a_link_nor_a_fifo_in_its_place_is_opened(house: House):
    token, name = await link(house)
    (path,) = house.kept()
    file = house.files_dir / path
    secret = house.files_dir.parent / "secret.key"
    file.unlink()
    file.symlink_to(secret)
    with pytest.raises(NotFound):
        (await house.storage.offered(token, name)).open()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(NotFound):
        (await house.storage.offered(token, name)).open()
    file.unlink()
    own = file.parent
    own.rmdir()
    elsewhere = house.files_dir.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / file.name).write_bytes(LARGE)
    own.symlink_to(elsewhere)
    with pytest.raises(NotFound):
        (await house.storage.offered(token, name)).open()


@pytest.mark.parametrize(("days", "seconds"), [(2, 2 * DAY), (0, 3600.0)])
async def test_the_first_download_may_end_its_time(house: House, days: int, seconds: float):
    await house.configure(lifespan_after_download_days=days)
    token, name = await link(house)
    house.clock.at += DAY

    await (await house.storage.offered(token, name)).begun()
    house.clock.at += seconds / 2
    await (await house.storage.offered(token, name)).begun()

    row = await house.store.find_stored_file(token.split("-")[0])
    assert row is not None
    assert row.downloaded_at == NOON + DAY
    assert row.expires_at == NOON + DAY + seconds
    house.clock.at = row.expires_at
    with pytest.raises(NotFound):
        await house.storage.offered(token, name)


async def test_a_cloud_file_with_our_link_leads_on_to_a_fresh_one(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    made: list[tuple[Any, ...]] = []

    class Cloud:
        def link(self, key: str, shown: Any, *, expires_s: int) -> str:
            made.append((key, expires_s))
            return "https://bucket.example.com/signed"

    token, name = await link(house)
    row = await house.store.find_stored_file(token.split("-")[0])
    assert row is not None
    database = house.store
    moved = row.__class__(**{f: getattr(row, f) for f in row.__slots__} | {"location": "s3://bkt"})

    async def found(file_id: str) -> Any:
        return moved

    monkeypatch.setattr(database, "find_stored_file", found)
    monkeypatch.setattr("mail_proxy.storage.backends.open_cloud", lambda place, auth: Cloud())

    offered = await house.storage.offered(token, name)

    assert offered.redirect_to == "https://bucket.example.com/signed"
    assert made == [(row.key, 300)]
