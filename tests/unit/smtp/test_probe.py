import pytest

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Means, probe

USERS = {"ann": "secret"}


@pytest.fixture
def look(clock, certificates):
    async def run(relay, **settings):
        chosen = DeliverySettings(**settings)
        return await probe(relay, chosen, clock=clock, means=Means(tls=certificates.trusting))

    return run


@pytest.mark.parametrize(("mode", "implicit"), [("starttls", False), ("ssl", True)])
async def test_a_good_relay_is_described(look, relay_to, certificates, clock, mode, implicit):
    async with SmtpSink(tls=certificates.good, implicit_tls=implicit, users=USERS) as sink:
        relay = relay_to(sink, tls_mode=mode, user="ann", password="secret")
        report = await look(relay)
        assert report.is_ready
        assert (report.host, report.port, report.tls_mode) == ("localhost", sink.port, mode)
        assert report.greeting == "sink.invalid ESMTP"
        assert report.tls_version == "TLSv1.3"
        assert report.cipher.startswith("TLS_")
        assert report.certificate_expires_at > 1_700_000_000
        assert report.max_size_bytes == 50 * 2**20
        assert report.capabilities["AUTH"] == "PLAIN LOGIN"
        assert report.login == "accepted"
        assert set(report.timings_s) == {"connect", "tls", "auth"}
        assert [c.line.split()[0] for c in sink.commands][-1] == "AUTH"


async def test_a_relay_in_clear_has_no_tls_to_describe(look, relay_to, sink):
    report = await look(relay_to(sink))
    assert report.is_ready
    assert (report.tls_version, report.cipher, report.certificate_expires_at) == (None, None, None)
    assert report.login == "none"


async def test_a_refused_login_is_in_the_report(look, relay_to):
    async with SmtpSink(users=USERS) as sink:
        report = await look(relay_to(sink, user="ann", password="wrong"))
        assert not report.is_ready
        assert (report.failed_stage, report.reply.code) == (Stage.AUTH, 535)
        assert report.login == "refused"
        assert report.failure == "login refused: 535 5.7.8 wrong user or password"
        assert report.capabilities["AUTH"] == "PLAIN LOGIN"


async def test_a_bad_certificate_is_in_the_report(look, relay_to, certificates):
    async with SmtpSink(tls=certificates.expired) as sink:
        report = await look(relay_to(sink, tls_mode="starttls"))
        assert report.failed_stage is Stage.TLS
        assert "certificate has expired" in report.failure
        assert "auth" not in report.timings_s


async def test_a_closed_port_is_in_the_report(look, relay_to):
    async with SmtpSink() as sink:
        relay = relay_to(sink)
    report = await look(relay)
    assert report.failed_stage is Stage.CONNECT
    assert report.failure.startswith("connection failed: ")
    assert report.greeting == ""


async def test_nothing_stays_open_after_a_probe(look, relay_to, sink, until):
    await look(relay_to(sink))
    await until(lambda: sink.open_connections == 0)
