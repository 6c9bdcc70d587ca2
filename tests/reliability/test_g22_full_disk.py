"""G22: a full disk: posts are refused with 507, nothing is half-written, and it mends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_proxy.domain.errors import StoreFull
from tests.faults.figures import record
from tests.faults.installation import until
from tests.faults.profile import lacks

pytestmark = pytest.mark.slow

Sites = Any  # see conftest
SIZE_MB = 12


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in the place of the instances."""
    place = tmp_path / "home"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        lacks(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_g22_what_is_acknowledged_on_a_full_disk_is_stored(
    small_disk: Path, site: Sites
) -> None:
    async with site() as here:
        await here.call("suspend")
        client = here.new_client()
        n = 0
        while not client.refused:
            await client.post([f"m{n}"], body="x" * 100_000)
            n += 1
            assert n < 1000
        log_before = len(here.log_text().splitlines())
        began = time.monotonic()
        refusals = set()
        while time.monotonic() < began + 3:
            await client.post([f"m{n}"], body="x" * 100_000)
            n += 1
            refusals.update(client.refused)
        seconds = time.monotonic() - began
        lines = len(here.log_text().splitlines()) - log_before
        health = await here.call("health")

        # Queued mail goes on as far as it can: whether so small a change still fits depends on
        # where the last page ended.
        with contextlib.suppress(StoreFull):
            await here.call("activate")
        await asyncio.sleep(1.0)
        assert set(refusals) <= {507, 503}

        _resize(small_disk, 4 * SIZE_MB)
        freed = time.monotonic()
        await here.call("activate")

        async def accepts() -> bool:
            return bool(await client.post(["afterwards"]))

        await until(accepts, timeout_s=10)
        recovered_s = time.monotonic() - freed
        await here.until_empty()
        ledger = await here.check()
        integrity = here.query("PRAGMA integrity_check")
        log = here.log_text()
    assert health["status"]
    assert integrity == [("ok",)]
    assert set(ledger.states) == client.acknowledged
    assert "Traceback" not in log
    assert lines <= 5 + seconds, f"{lines} lines in {seconds:.1f} s"
    record("G22", acknowledged=len(client.acknowledged), recovered_s=round(recovered_s, 1))


def _resize(place: Path, size_mb: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size_mb}m", str(place)], check=True)
