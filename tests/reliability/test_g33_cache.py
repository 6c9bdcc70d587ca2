"""G33: what comes from the cache is what was attached, of this tenant, and asked for once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import record
from tests.faults.file_server import FileServer
from tests.faults.letters import file_of, md5_of, octets, sha256_of
from tests.faults.profile import sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
COUNT = sized(200, 1_000)
SETTINGS = {"GMP_ALLOWED_NETWORKS": FileServer.host}
DATA = octets(200 * 2**10)


def by_md5(url: str, **more: Any) -> dict[str, Any]:
    return {"attachments": [file_of("f.bin", url, content_md5=md5_of(DATA))], **more}


async def test_g33_many_that_want_one_file_ask_once_and_never_again(site: Sites) -> None:
    async with FileServer() as files, site(SETTINGS, application=files) as here:
        url = files.put("/shared", DATA)
        await here.post_many([f"first-{n}" for n in range(COUNT)], **by_md5(url))
        await here.until_empty()
        cold = files.asked["/shared"]
        await here.stop()
        await here.start()
        await here.post_many([f"second-{n}" for n in range(COUNT)], **by_md5(url))
        await here.until_empty()
        warm = files.asked["/shared"] - cold
        told = await here.call("addTenant", id="other", client_base_url=files.base_url)
        here.key = told["api_key"]
        await here.add_account(tenant_id="other")
        await here.post_many([f"other-{n}" for n in range(COUNT)], **by_md5(url))
        await here.until_empty()
        others = files.asked["/shared"] - cold - warm
        seen = await here.relay.seen()
    record("G33", messages=3 * COUNT, fetches=cold, after_a_restart=warm, of_another_tenant=others)
    assert (cold, warm, others) == (1, 0, 1)
    assert len({mail.id for mail in seen}) == 3 * COUNT
    assert {tuple(mail.parts) for mail in seen} == {(sha256_of(DATA),)}


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_g33_what_was_changed_on_the_disk_is_fetched_anew(
    site: Sites, is_running: bool
) -> None:
    async with FileServer() as files, site(SETTINGS, application=files) as here:
        url = files.put("/shared", DATA)
        await here.post_many(["before"], **by_md5(url))
        await here.until_empty()
        if not is_running:
            await here.stop()
        (kept,) = kept_by(here.instance.folder)
        assert kept.read_bytes() == DATA
        with kept.open("r+b") as file:  # in its place, of the same size
            file.seek(len(DATA) // 2)
            file.write(b"changed")
        if not is_running:
            await here.start()
        await here.post_many(["after"], **by_md5(url))
        await here.until_empty()
        seen = await here.relay.seen()
        assert await here.statuses() == {"sent": 2}
    assert files.asked["/shared"] == 2
    assert [mail.parts for mail in seen] == [[sha256_of(DATA)]] * 2


def kept_by(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache" / "kept").rglob("*") if path.is_file()]
