"""What a person sees of a queue that does not move, with the daemon up and down."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp
import pytest

from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from tests.faults.installation import Installation, until

Running = Any  # see conftest

pytestmark = pytest.mark.slow


async def cli(main: Installation, *words: str, code: int = 0) -> Any:
    """The one JSON document that a command line prints."""
    line = [sys.executable, "-m", "mail_proxy", "myserver", *words, "--json"]
    environ = {**main.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = await asyncio.create_subprocess_exec(
        *line, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await ran.communicate()
    assert ran.returncode == code, err.decode()
    return json.loads(out)


async def test_a_refused_login_shows_wherever_one_looks_until_it_is_mended(
    running: Running,
) -> None:
    async with (
        SmtpSink(users={"me": "right"}) as relay,
        running() as main,
        aiohttp.ClientSession() as session,
    ):
        place = {"host": relay.host, "port": relay.port, "user": "me"}
        await main.add_account(**place, password="wrong")
        await main.post(session, ["m1"])

        async def is_paused() -> bool:
            (account,) = (await main.call("listAccounts", tenant_id="acme"))["accounts"]
            return account["failures"] > 0

        await until(is_paused)
        account = await cli(main, "acme", "accounts", "show", "main")
        stats = await cli(main, "stats")
        told = await cli(main, "acme", "messages", "why", "m1")
        (listed,) = await cli(main, "acme", "messages", "list")
        for reason in (
            account["paused_reason"],
            stats["paused_accounts"][0]["paused_reason"],
            told["why"],
            listed["why"],
        ):
            assert "login refused: 535 5.7.8" in reason
        assert account["breaker"] in ("open", "probing")
        assert told["do"] == "mail-proxy myserver acme accounts set-password main"
        assert listed["tries"] == 0

        await main.stop()
        down = await cli(main, "acme", "messages", "why", "m1")
        assert (down["code"], down["do"]) == ("not_running", "mail-proxy start myserver")

        await main.start()
        await main.add_account(**place, password="right")
        await main.until_empty()
        sent = await cli(main, "acme", "messages", "show", "m1")
    assert (sent["status"], sent["tries"]) == ("sent", 1)
    assert relay.count == 1


async def test_a_message_that_expires_is_reported_once_and_never_sent(running: Running) -> None:
    async with running() as main, aiohttp.ClientSession() as session:
        await cli(main, "suspend", "-y")
        now = int((await main.call("getStats"))["now"])
        await main.post(session, ["m1"], expires_ts=now + 3)
        await main.application.wait_for(1, timeout_s=60)
        await cli(main, "activate")
        told = await cli(main, "acme", "messages", "why", "m1")
    (entry,) = main.application.entries
    assert entry["error"].startswith("expired before it could be sent")
    assert (told["code"], told["do"]) == ("failed", None)
    assert main.relay.count == 0


async def test_what_is_in_doubt_is_listed_and_settled(running: Running) -> None:
    async with running(in_doubt="hold") as main, aiohttp.ClientSession() as session:
        main.relay.drop(Stage.DOT, when="before", times=2)
        await main.post(session, ["m1", "m2"])
        await main.application.wait_for(2, timeout_s=60)
        listed = await cli(main, "acme", "messages", "list", "--status", "in_doubt")
        assert sorted(message["id"] for message in listed) == ["m1", "m2"]
        assert "in doubt" in listed[0]["why"]
        await cli(main, "acme", "messages", "settle", "m1", "--sent")
        await cli(main, "acme", "messages", "settle", "m2", "--failed")
        await main.application.wait_for(4, timeout_s=60)
        assert await main.statuses() == {"sent": 1, "error": 1}
    told = main.application.entries
    assert [
        sorted(entry.keys() & {"in_doubt_ts", "sent_ts", "error_ts"}) for entry in told[:2]
    ] == [["in_doubt_ts"]] * 2
    finals = {entry["id"]: entry for entry in told[2:]}
    assert "sent_ts" in finals["m1"]
    assert finals["m2"]["error"] == "settled by hand as not sent"
