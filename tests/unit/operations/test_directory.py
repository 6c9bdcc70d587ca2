from __future__ import annotations

import asyncio

from mail_proxy.operations import Directory
from mail_proxy.store import Account, Tenant
from tests.patience import PATIENCE_S


class Rows:
    """The two lists that a directory reads of a store."""

    def __init__(self, **tenants: tuple[str, ...]) -> None:
        self.tenants = tenants

    async def list_tenants(self) -> list[Tenant]:
        return [Tenant(tenant_id, name=tenant_id.title()) for tenant_id in self.tenants]

    async def tenants_with_suppressions(self) -> set[str]:
        return set()

    async def list_accounts(self, tenant_id: str | None) -> list[Account]:
        return [
            Account(owner, account_id.strip("*"), "h", 25, is_default="*" in account_id)
            for owner, accounts in self.tenants.items()
            for account_id in accounts
            if tenant_id in (None, owner)
        ]


async def loaded(**tenants: tuple[str, ...]) -> Directory:
    directory = Directory()
    await directory.load(Rows(**tenants))
    return directory


async def test_the_only_account_is_the_default_and_of_two_none():
    directory = await loaded(a=("one",), b=("one", "two"), c=("one", "two*"), d=())
    assert [directory.default_account(t) for t in "abcde"] == ["one", None, "two", None, None]


async def test_a_tenant_is_guessed_by_its_account_or_when_it_is_the_only_one():
    directory = await loaded(a=("one", "shared"), b=("two", "shared"))
    assert directory.guess_tenant("two") == "b"
    assert directory.guess_tenant("shared") is None
    assert directory.guess_tenant("absent") is None
    assert directory.guess_tenant(None) is None
    assert (await loaded(a=())).guess_tenant("absent") == "a"


async def test_a_reload_forgets_accounts_that_are_gone():
    directory = await loaded(a=("one", "two"))
    await directory.reload_accounts(Rows(a=("two", "three")), "a")
    assert [directory.has_account("a", n) for n in ("one", "two", "three")] == [False, True, True]
    assert directory.guess_tenant("one") == "a"
    assert directory.tenants_with("one") == frozenset()
    assert directory.count() == (1, 2)


async def test_a_removed_tenant_owns_nothing():
    directory = await loaded(a=("one",), b=("one",))
    directory.remove_tenant("a")
    assert directory.tenants_with("one") == {"b"}
    assert not directory.has_tenant("a")
    assert not directory.is_active("a")
    assert list(directory.accounts()) == [("b", "B", "one")]


async def test_a_changed_tenant_keeps_its_accounts():
    directory = await loaded(a=("one",))
    directory.put_tenant(Tenant("a", name="New", active=False))
    assert directory.has_account("a", "one")
    assert (directory.name_of("a"), directory.is_active("a")) == ("New", False)


async def test_of_two_reloads_at_once_the_later_one_counts():
    directory = await loaded(a=("one",))
    first_may_end = asyncio.Event()
    rows = Rows(a=("one",))

    class Slow(Rows):
        async def list_accounts(self, tenant_id: str | None) -> list[Account]:
            found = await rows.list_accounts(tenant_id)
            await first_may_end.wait()
            return found

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(directory.reload_accounts(Slow(), "a"))
        await asyncio.sleep(0)
        rows.tenants["a"] = ("one", "two")
        tasks.create_task(directory.reload_accounts(rows, "a"))
        await asyncio.sleep(0)
        first_may_end.set()
    assert directory.has_account("a", "two")
