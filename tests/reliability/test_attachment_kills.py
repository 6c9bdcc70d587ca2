"""Kills while mails with attachments drain: none is lost, none goes without what belongs to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import record
from tests.faults.file_server import FileServer
from tests.faults.installation import until
from tests.faults.letters import file_of, md5_of, octets, posted, sha256_of
from tests.faults.nemesis import Nemesis
from tests.faults.profile import seeded, sized

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
KILLS, EACH = sized((4, 30), (10, 120))
SETTINGS = {"GMP_ALLOWED_NETWORKS": FileServer.host}
DATA = octets(150_000)


async def test_kills_lose_no_mail_and_no_attachment(site: Sites) -> None:
    async with (
        FileServer() as files,
        site(SETTINGS, application=files, retry_delays=[0.2], max_retries=50) as here,
    ):
        folder = here.instance.folder / "attachments" / "acme"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "file").write_bytes(DATA + b"file")
        modes = {
            "small": (posted("f", DATA[:5_000]), DATA[:5_000]),
            "spooled": (posted("f", DATA), DATA),
            "url": (file_of("f", files.put("/url", DATA + b"url")), DATA + b"url"),
            "cached": (
                file_of("f", files.put("/md5", DATA + b"md5"), content_md5=md5_of(DATA + b"md5")),
                DATA + b"md5",
            ),
            "endpoint": (file_of("f", "endpoint"), DATA + b"endpoint"),
            "file": (file_of("f", "file", fetch_mode="filesystem"), DATA + b"file"),
        }
        files.put("endpoint", DATA + b"endpoint")
        modes["all"] = (None, b"")  # type: ignore[assignment]
        expected = {mode: [sha256_of(data)] for mode, (_, data) in modes.items()}
        expected["all"] = [sha256_of(data) for entry, data in modes.values() if entry]
        await here.relay.delay("dot", 0.02)
        for mode, (entry, _) in modes.items():
            entries = [entry] if entry else [one for one, _ in modes.values() if one]
            ids = [f"{mode}-{n}" for n in range(EACH)]
            await here.post_many(ids, batch=10, attachments=entries)
        nemesis = Nemesis(here, seeded("attachment kills"))
        for _ in range(KILLS):
            await nemesis.kill(0.05, 0.8)
            assert here.open_messages(), "there was nothing left to be killed"
        await here.until_empty()
        ledger = await here.check(with_reports=True)
        seen = await here.relay.seen()
        await here.stop()
        await here.start()
        await here.post_many(["last"], attachments=[modes["url"][0]])
        await here.until_empty()
        await until(lambda: not left_in(here))
    total = EACH * len(modes)
    record(
        "attachments, kills",
        kills=KILLS,
        messages=total,
        copies=len(seen) - total,
        in_doubt=sum(ledger.doubts().values()),
        lost=0,
        orphans=0,
    )
    assert ledger.counted == {"sent": total}
    for mail in seen:
        assert mail.parts == expected[mail.id.rpartition("-")[0]], mail.id


def left_in(here: Any) -> set[str]:
    """Files that belong to no message any more."""
    folder: Path = here.instance.folder
    spool = {str(p.relative_to(folder / "spool")) for p in files_in(folder / "spool")}
    named = {row[0] for row in here.query("SELECT spool FROM contents WHERE spool IS NOT NULL")}
    return (spool - named) | {str(path) for path in files_in(folder / "cache" / "fetched")}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
