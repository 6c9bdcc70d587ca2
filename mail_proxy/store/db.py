"""`MailProxyDb`: the Store protocol on SQLite.

The verbs of each noun stand in `verbs/`, and only say who runs them; what a verb does stands in the
module of its noun.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from mail_proxy.store.verbs.changes import ChangeVerbs
from mail_proxy.store.verbs.files import FileVerbs
from mail_proxy.store.verbs.instance import InstanceVerbs
from mail_proxy.store.verbs.messages import MessageVerbs
from mail_proxy.store.verbs.numbers import NumberVerbs
from mail_proxy.store.verbs.queue import QueueVerbs
from mail_proxy.store.verbs.reports import ReportVerbs
from mail_proxy.store.verbs.suppressions import SuppressionVerbs
from mail_proxy.store.verbs.tenants import TenantVerbs
from mail_proxy.store.verbs.upkeep import UpkeepVerbs


class MailProxyDb(
    InstanceVerbs,
    TenantVerbs,
    QueueVerbs,
    MessageVerbs,
    ChangeVerbs,
    UpkeepVerbs,
    SuppressionVerbs,
    NumberVerbs,
    ReportVerbs,
    FileVerbs,
):
    """The store on SQLite; made by `open_store`, ended by `close`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        await self._writer.close()
        await self._readers.close()
