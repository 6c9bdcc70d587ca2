"""G21: one daemon per instance, and no signal to a stranger."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.config.lock import daemon_of
from mail_proxy.control.process import RunState, daemon_status, start_daemon, stop_daemon
from mail_proxy.domain.errors import MailProxyError
from tests.faults.installation import until

pytestmark = pytest.mark.slow

STARTS = 10


async def test_g21_of_ten_starts_at_once_one_runs(
    instance: Instance, environ: dict[str, str]
) -> None:
    await asyncio.to_thread(start_daemon, instance, port=0, environ=environ)
    await asyncio.to_thread(stop_daemon, instance)  # the port is in config.toml now

    async def start() -> Any:
        try:
            return (await asyncio.to_thread(start_daemon, instance, environ=environ)).pid
        except MailProxyError as error:
            return str(error)

    results = await asyncio.gather(*(start() for _ in range(STARTS)))
    pids = [result for result in results if isinstance(result, int)]
    holder = daemon_of(instance.folder)
    assert holder is not None
    assert holder.process is not None
    assert set(pids) == {holder.process.pid}, results
    assert all("running" in told or "starting" in told for told in results if told not in pids)


async def test_g21_a_kill_blocks_no_start(instance: Instance, environ: dict[str, str]) -> None:
    for _ in range(3):
        info = await asyncio.to_thread(start_daemon, instance, port=0, environ=environ)
        assert daemon_status(instance).state is RunState.RUNNING
        os.kill(info.pid, signal.SIGKILL)
        await until(lambda: daemon_of(instance.folder) is None)


async def test_g21_a_stranger_with_the_pid_is_left_alone(
    instance: Instance, environ: dict[str, str]
) -> None:
    await asyncio.to_thread(start_daemon, instance, port=0, environ=environ)
    told = json.loads(instance.pid_path.read_text())
    await asyncio.to_thread(stop_daemon, instance)
    stranger = await asyncio.create_subprocess_exec("sleep", "600")
    try:
        told["pid"] = stranger.pid
        instance.pid_path.write_text(json.dumps(told))
        assert await asyncio.to_thread(stop_daemon, instance) is False
        instance.pid_path.write_text(json.dumps(told))
        info = await asyncio.to_thread(start_daemon, instance, port=0, environ=environ)
        assert info.pid != stranger.pid
        await asyncio.to_thread(stop_daemon, instance)
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()
