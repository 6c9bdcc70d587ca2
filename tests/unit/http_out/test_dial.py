"""Mail servers that tenants set: only checked addresses are connected to."""

from __future__ import annotations

import pytest

from mail_proxy.http_out import AllowList, Blocked, GuardedDial

PUBLIC = "127.0.0.2"  # stands for an address of the internet

HOSTS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "127.0.0.1.",
    "::1",
    "::",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::1",
    "fe80::1%lo",
    "fd00:ec2::254",
    "ff02::1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "169.254.169.254",
    "168.63.129.16",
    "10.0.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "224.0.0.1",
    "\uff11\uff12\uff17.0.0.1",  # full-width digits
    "127\u30020\u30020\u30021",  # ideographic full stops
    "mail.example",  # a name that leads inside
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_an_inside_host_reaches_a_listener(host, receiver, scripted):
    dial = GuardedDial(resolver=scripted(["127.0.0.1"]))
    with pytest.raises(Blocked, match="allowed_networks"):
        await dial.open(host, receiver.port)
    assert receiver.connections == 0


@pytest.mark.parametrize("addresses", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC]])
async def test_one_forbidden_address_among_several_refuses_the_host(receiver, scripted, addresses):
    dial = GuardedDial(AllowList.of([PUBLIC]), resolver=scripted(addresses))
    with pytest.raises(Blocked, match=r"mail\.example may not .*: it leads to a loopback address"):
        await dial.open("mail.example", receiver.port)
    assert receiver.connections == 0


async def test_a_host_is_looked_up_once_and_the_checked_address_is_connected_to(receiver, scripted):
    resolver = scripted([PUBLIC], ["127.0.0.1"])
    dial = GuardedDial(AllowList.of([PUBLIC]), resolver=resolver)
    with await dial.open("rebind.example", receiver.port) as sock:
        assert sock.getpeername() == (PUBLIC, receiver.port)
    with pytest.raises(Blocked):
        await dial.open("rebind.example", receiver.port)
    assert resolver.asked == ["rebind.example", "rebind.example"]


async def test_the_next_address_is_tried_where_one_does_not_answer(receiver, scripted):
    dial = GuardedDial(AllowList.of(["::1", PUBLIC]), resolver=scripted(["::1", PUBLIC]))
    with await dial.open("two.example", receiver.port) as sock:
        assert sock.getpeername()[0] == PUBLIC


async def test_an_allowed_name_may_lead_anywhere(receiver, scripted):
    dial = GuardedDial(AllowList.of(["mail.internal"]), resolver=scripted(["127.0.0.1"]))
    with await dial.open("Mail.Internal.", receiver.port) as sock:
        assert sock.getpeername()[0] == "127.0.0.1"
    with pytest.raises(Blocked):
        await dial.open("other.mail.internal", receiver.port)


async def test_a_host_without_an_address_is_no_refusal(scripted):
    with pytest.raises(OSError, match="no such name"):
        await GuardedDial(resolver=scripted()).open("gone.example", 25)


def test_the_command_for_an_odd_host_is_safe_to_paste():
    assert AllowList(instance="my").command("a$(b)") == "mail-proxy my allow 'a$(b)'"
