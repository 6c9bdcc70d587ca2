"""A command works the same whichever way it takes, daemon up or down."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain import errors


def message(message_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": message_id,
        "from": "shop@example.org",
        "to": ["ann@example.org"],
        "subject": "é 😀",
        **fields,
    }


@pytest.fixture
def shop(control):
    """The control, with a tenant and its account."""
    control.call("addTenant", id="shop", name="Shop")
    control.call("addAccount", id="main", tenant_id="shop", host="127.0.0.1", port=25)
    return control


def test_health_is_ok(control):
    assert control.call("health")["ok"] is True


def test_metrics_are_a_text(control):
    assert "gmp_pending_messages" in control.call("metrics")["text"]


def test_a_new_tenant_gets_its_key_once(control):
    assert control.call("addTenant", id="shop")["api_key"].startswith("mp_")
    assert "api_key" not in control.call("addTenant", id="shop")


def test_a_tenant_is_shown_without_nulls(control):
    control.call("addTenant", id="shop", name=None)

    tenant = control.call("getTenant", tenant_id="shop")

    assert tenant["id"] == "shop"
    assert None not in tenant.values()


def test_an_account_is_listed_shown_and_deleted(shop):
    assert [a["id"] for a in shop.call("listAccounts", tenant_id="shop")["accounts"]] == ["main"]
    assert shop.call("getAccount", account_id="main", tenant_id="shop")["account"]["port"] == 25
    shop.call("deleteAccount", account_id="main", tenant_id="shop")
    assert shop.call("listAccounts", tenant_id="shop")["accounts"] == []


@pytest.mark.parametrize("message_id", ["1", "a/b", "..", "é ?#%2F", "retry"])
def test_a_message_is_queued_and_found_again(shop, message_id: str):
    added = shop.call("addMessages", messages=[message(message_id)])
    found = shop.call("getMessage", id=message_id)["message"]

    assert added == {"ok": True, "queued": 1, "rejected": []}
    assert found["message"]["subject"] == "é 😀"
    assert found["status"] == "pending"


def test_what_was_posted_keeps_its_nulls(shop):
    headers = {"X-One": None, "X-Two": "2"}
    shop.call("addMessages", messages=[message("1", headers=headers)])

    posted = shop.call("listMessages")["messages"][0]["message"]

    assert posted.get("headers") in (headers, {"X-Two": "2"})


def test_all_messages_are_listed_or_a_page_of_them(shop):
    shop.call("addMessages", messages=[message(str(n)) for n in range(150)])

    assert len(shop.call("listMessages")["messages"]) == 150
    page = shop.call("listMessages", tenant_id="shop", limit=100, active_only=True)
    rest = shop.call("listMessages", tenant_id="shop", limit=100, cursor=page["next_cursor"])
    assert (len(page["messages"]), len(rest["messages"])) == (100, 50)


def test_a_suspension_is_told_and_kept(shop):
    shop.call("addMessages", messages=[message("1", batch_code="march")])

    told = shop.call("suspend", tenant_id="shop", batch_code="march")

    assert told["suspended_batches"] == ["march"]
    assert told["pending_messages"] == 1
    assert shop.call("activate", tenant_id="shop", batch_code="march")["suspended_batches"] == []


def test_deleting_tells_what_was_not_found(shop):
    shop.call("addMessages", messages=[message("1")])

    told = shop.call("deleteMessages", tenant_id="shop", ids=["1", "2"])

    assert (told["removed"], told["not_found"]) == (1, ["2"])


def test_run_now_is_triggered(control):
    assert control.call("run now") == {"ok": True, "triggered": True}


# --- failures ---


def test_a_missing_message_is_not_found(shop):
    with pytest.raises(errors.NotFound, match="message '7' not found"):
        shop.call("getMessage", id="7")


def test_a_missing_account_is_not_found_though_the_wire_says_400(shop):
    with pytest.raises(errors.NotFound):
        shop.call("deleteAccount", account_id="none", tenant_id="shop")


def test_a_wrong_value_names_its_field(shop):
    with pytest.raises(errors.Invalid) as e:
        shop.call("addAccount", id="main", tenant_id="shop", host="127.0.0.1", port=70_000)

    assert e.value.field == "port"


def test_a_wrong_query_value_names_its_field(shop):
    with pytest.raises(errors.Invalid) as e:
        shop.call("listMessages", limit="many")

    assert e.value.field == "limit"


def test_a_batch_of_which_nothing_is_taken_tells_why(shop):
    with pytest.raises(errors.RejectedBatch) as e:
        shop.call("addMessages", messages=[{"id": "1"}, 7])

    assert [r["reason"] for r in e.value.rejected] == ["missing from", "invalid payload"]
    detail: Any = e.value.detail
    assert [r["reason"] for r in detail["rejected"]] == ["missing from", "invalid payload"]
    assert detail["error"] is None


def test_a_container_of_the_wrong_type_is_malformed(shop):
    with pytest.raises(errors.Invalid):
        shop.call("deleteMessages", tenant_id="shop", ids="1")


def test_an_unknown_command_is_not_found(control):
    with pytest.raises(errors.NotFound, match="fly"):
        control.call("fly")


def test_a_missing_path_field_is_named(control):
    with pytest.raises(errors.Invalid) as e:
        control.call("getTenant")

    assert e.value.field == "tenant_id"


def test_a_field_that_a_command_does_not_have_is_named(control):
    with pytest.raises(errors.Invalid) as e:
        control.call("listTenants", actve_only=True)

    assert e.value.field == "actve_only"


def test_numbers_and_booleans_travel_in_a_query(shop):
    shop.call("addMessages", messages=[message("1"), message("2")])

    assert len(shop.call("listMessages", limit=1, active_only=True)["messages"]) == 1
    assert shop.call("listTenants", active_only=False)["tenants"][0]["id"] == "shop"
