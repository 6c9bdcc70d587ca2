"""G10: recipients are settled one by one; who was accepted is never sent to again."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.reply import Stage
from tests.faults.profile import sized
from tests.faults.receiver import copies

pytestmark = pytest.mark.slow

Sites = Any  # see conftest

YES, NO, LATER, NEVER = ("yes@x.example", "no@x.example", "later@x.example", "never@x.example")
REPLIES = {NO: "550 5.1.1 no such user", NEVER: "550 5.7.1 not you"}


async def test_g10_each_recipient_gets_one_copy_or_the_reply_that_refused_it(site: Sites) -> None:
    messages = sized(5, 200)
    ids = [f"m{n}" for n in range(messages)]
    async with site({"GMP_RETRY_DELAYS": "1,1"}) as here:
        refusals = [{"at": Stage.RCPT, "reply": r, "recipient": a} for a, r in REPLIES.items()]
        once = {"at": Stage.RCPT, "reply": "451 4.7.1 later", "recipient": LATER}
        await here.relay.script(*refusals, once | {"left": messages})
        await here.post_many(ids, to=[YES, NO, LATER, NEVER])
        await here.until_empty()
        seen = await here.relay.seen()
        came = copies(seen)
        assert came == {(id_, address): 1 for id_ in ids for address in (YES, LATER)}
        assert len({mail.message_id for mail in seen}) == messages
        await here.check(with_reports=True)
        finals = [e for e in here.application.entries if "sent_ts" in e]
        assert sorted(e["id"] for e in finals) == sorted(ids)
        for entry in finals:
            told = {r["recipient"]: r["code"] for r in entry["refused"]}
            assert told == {NO: 550, NEVER: 550}
            assert all(REPLIES[r["recipient"]].endswith(r["error"]) for r in entry["refused"]), (
                entry
            )
