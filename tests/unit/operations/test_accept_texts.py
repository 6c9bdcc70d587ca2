"""A text that is no Unicode spoils its own message, and no answer; what is refused is let go of."""

from __future__ import annotations

import gc
import json
import weakref
from contextlib import suppress

import pytest

from mail_proxy.domain.errors import RejectedBatch


@pytest.mark.parametrize("field", ["id", "from", "to", "subject", "body", "html", "headers"])
async def test_half_a_surrogate_pair_rejects_its_own_message_alone(house, field):
    await house.tenant("acme", "main")
    bad = "an\ud800n@example.org"
    entry = house.mail("bad", **{field: {"X-A": bad} if field == "headers" else bad})
    answer = await house.post(house.mail("m1"), entry, house.mail("m2"))
    assert answer["queued"] == 2
    (rejection,) = answer["rejected"]
    assert rejection["id"] == (None if field == "id" else "bad")
    assert rejection["field"].partition(".")[0] == field
    json.dumps(answer, ensure_ascii=False).encode()  # it can be sent


async def test_a_bad_id_is_not_sent_back_whatever_else_is_wrong(house):
    await house.tenant("acme", "main")
    with pytest.raises(RejectedBatch) as caught:
        await house.post(house.mail("x\ud800", subject=""))
    (rejection,) = caught.value.rejected
    assert rejection == {"id": None, "reason": "missing subject", "field": "subject"}


async def test_a_refused_post_is_given_up_at_once_without_a_collection(house):
    await house.tenant("acme", "main")

    class Entry(dict):
        """A message that can be looked for when it should be gone."""

    entry = Entry(house.mail(subject=""))
    seen = weakref.ref(entry)
    gc.disable()
    try:
        with suppress(RejectedBatch):
            await house.post(entry)
        del entry
        assert seen() is None
    finally:
        gc.enable()
