"""Cursors that nobody was given."""

from __future__ import annotations

import pytest

from mail_proxy.domain.errors import Invalid
from mail_proxy.operations.cursors import packed


@pytest.mark.parametrize("at", [10**400, 10**30, 2**63, float("inf"), float("nan"), "x", None])
async def test_a_place_that_no_database_holds_is_refused(house, at):
    forged = packed(["age", False, 0, at, 1])
    with pytest.raises(Invalid) as caught:
        await house.call("listMessages", order="age", cursor=forged)
    assert caught.value.field == "cursor"
