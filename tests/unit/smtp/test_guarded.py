"""Relays whose host a tenant's token has set."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import RelayUnreachable
from mail_proxy.domain.reply import Stage
from mail_proxy.http_out import AllowList, GuardedDial
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Means

INSIDE = "\uff11\uff12\uff17.0.0.1"  # full-width digits: seen only when it is looked up


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", INSIDE])
async def test_a_host_inside_is_a_fault_of_the_account_and_sees_nothing(open_pool, relay_to, host):
    async with SmtpSink() as sink:
        with pytest.raises(RelayUnreachable, match="a loopback address") as caught:
            await open_pool().acquire(relay_to(sink, host=host, is_guarded=True))
        assert caught.value.stage is Stage.CONNECT
        assert "; allow it: mail-proxy NAME allow" in str(caught.value)
        assert sink.connections == 0


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("name", ["good", "other_name"])
async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    open_pool, relay_to, certificates, message, implicit, name
):
    means = Means(tls=certificates.trusting, dial=GuardedDial(AllowList.of(["localhost"])).open)
    pool = open_pool(means=means)
    mode = "ssl" if implicit else "starttls"
    async with SmtpSink(tls=getattr(certificates, name), implicit_tls=implicit) as sink:
        relay = relay_to(sink, tls_mode=mode, is_guarded=True)
        if name == "good":
            session = await pool.acquire(relay)
            assert (await session.send("s@x", ["a@x"], message)).is_accepted
            await pool.release(session)
        else:
            with pytest.raises(RelayUnreachable, match="certificate of localhost is not good"):
                await pool.acquire(relay)


async def test_nothing_listens_there_is_told_as_ever(open_pool, relay_to):
    async with SmtpSink() as sink:
        relay = relay_to(sink, is_guarded=True)
    means = Means(dial=GuardedDial(AllowList.of(["localhost"])).open)
    with pytest.raises(RelayUnreachable, match="connection refused: nothing listens there"):
        await open_pool(means=means).acquire(relay)


async def test_a_connection_of_the_admins_host_is_not_lent_to_a_tenants(open_pool, relay_to):
    pool = open_pool()
    async with SmtpSink() as sink:
        await pool.release(await pool.acquire(relay_to(sink)))
        with pytest.raises(RelayUnreachable, match="allowed_networks"):
            await pool.acquire(relay_to(sink, is_guarded=True))
        await pool.close()
