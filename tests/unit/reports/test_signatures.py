from __future__ import annotations

from mail_proxy.domain.webhook import secret_from, verify
from mail_proxy.http_out import Unreachable
from mail_proxy.reports.plan import Urge
from tests.unit.reports.conftest import START
from tests.unit.reports.test_tenant import rounds


def secrets_of(*keys: bytes) -> list[dict[str, object]]:
    return [
        {"secret": secret_from(key * 32), "created_at": START, "expires_at": None} for key in keys
    ]


async def test_a_tenant_with_a_secret_gets_signed_posts(desk, store, http, clock):
    (stored,) = secrets_of(b"a")
    store.add_tenant(webhook_secrets=[stored])
    store.add_event()
    await desk().round(Urge.TIMER)
    headers = http.options[0]["headers"]
    assert verify([stored["secret"]], headers, http.bodies[0], now=clock.now())
    assert headers["webhook-timestamp"] == str(int(clock.now()))


async def test_without_a_secret_a_post_has_its_id_and_time_and_no_signature(desk, store, http):
    store.add_event()
    await desk().round(Urge.TIMER)
    assert http.options[0]["headers"].keys() == {"webhook-id", "webhook-timestamp"}


async def test_a_replaced_secret_signs_beside_the_new_one_until_its_end(desk, store, http, clock):
    new, old = secrets_of(b"n", b"o")
    store.add_tenant(webhook_secrets=[new, {**old, "expires_at": START + 400}])
    desk = desk()
    await rounds(desk, 2, clock)
    clock.advance(200)
    await desk.round(Urge.TENANT)
    signatures = [options["headers"]["webhook-signature"] for options in http.options]
    assert [len(text.split(" ")) for text in signatures] == [2, 2, 1]


async def test_a_post_that_comes_again_has_its_id_and_bytes_and_a_time_of_its_own(
    desk, store, http, clock
):
    store.add_event()
    store.add_event()
    http.answers.extend([(500, ""), Unreachable("gone")])
    await rounds(desk(batch_limit=8), 2, clock)
    clock.advance(100)
    await desk(batch_limit=8).round(Urge.TIMER)  # as after a restart
    sent = [options["headers"] for options in http.options]
    assert len({headers["webhook-id"] for headers in sent}) == 1
    assert len(set(http.bodies)) == 1
    assert len({headers["webhook-timestamp"] for headers in sent}) == 3


async def test_other_entries_make_another_id(desk, store, http):
    desk = desk()
    store.add_event()
    await desk.round(Urge.TIMER)
    store.add_event()
    await desk.round(Urge.TIMER)
    ids = [options["headers"]["webhook-id"] for options in http.options]
    assert len(set(ids)) == 2


async def test_a_heartbeat_keeps_its_id_until_it_is_taken(desk, http, clock):
    http.answers.append((500, ""))
    await rounds(desk(), 3, clock)
    first, again, next_one = (options["headers"]["webhook-id"] for options in http.options)
    assert first == again != next_one
