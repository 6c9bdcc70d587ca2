"""Killed at any step: no acknowledged message lacks its file, and no file outlives its message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mail_proxy.domain.attachment import read_attachments
from mail_proxy.operations.spooling import remove_garbage, sweep
from mail_proxy.proxy import MailProxy
from tests.reliability.spool_steps import settings_of

pytestmark = pytest.mark.slow
MOST_STEPS = 200


async def test_no_kill_separates_a_message_from_its_file(tmp_path: Path) -> None:
    killed = 0
    for steps in range(MOST_STEPS):
        folder = tmp_path / str(steps)
        folder.mkdir()
        told = _run(folder, steps)
        await _check(folder, told)
        if "end" in told:
            break
        killed += 1
    assert "end" in told
    assert killed > 20


def _run(folder: Path, steps: int) -> list[str]:
    """What was acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.reliability.spool_steps", str(folder), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == (0 if "end" in lines else -9), done.stderr
    return lines


async def _check(folder: Path, told: list[str]) -> None:
    proxy = await MailProxy.open(settings_of(folder))
    try:
        context = proxy._parts.context
        await remove_garbage(context)
        await sweep(context)
        found = {}
        names = set()
        for row in await context.store.find_messages("acme", ["m1", "m1-r1"], full=True):
            fields = json.loads(row.content or b"")
            (one,) = read_attachments(fields["attachments"])
            assert one.spooled is not None
            content = context.spool.content(fields["spool"], one.spooled)
            found[row.id] = b"".join(content.blocks())[:1].decode()
            names.add(fields["spool"])
        assert set(context.spool.names()) == names
    finally:
        await proxy.close()
    acknowledged = dict(line.split() for line in told if line != "end")
    for message_id, first in acknowledged.items():
        assert _is_as_told(first, found.get(message_id, "-")), (told, found)


def _is_as_told(acknowledged: str, found: str) -> bool:
    """What came after it may have been done, and its answer lost."""
    return found in {"1": "12", "2": "2-", "-": "-"}[acknowledged]
