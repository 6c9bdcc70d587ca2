"""The couriers at work: started, counted, ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from mail_proxy.delivery.courier import Courier
from mail_proxy.delivery.lane import Lane
from mail_proxy.observe import events


class Couriers:
    """`make` builds one for a lane; `fault` gets a bug of one, `ended` the lane of each at its end.

    They are counted on their lane, also those that are cancelled before they have begun.
    """

    def __init__(
        self,
        make: Callable[[Lane], Courier],
        *,
        fault: Callable[[Lane, str], None],
        ended: Callable[[Lane], None],
    ) -> None:
        self._make = make
        self._fault = fault
        self._ended = ended
        self._tasks: dict[asyncio.Task[None], Courier] = {}
        self._of_tenants: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._tasks)

    def of_tenant(self, tenant_id: str) -> int:
        return self._of_tenants[tenant_id]

    def start(self, lane: Lane, group: asyncio.TaskGroup) -> None:
        lane.running += 1
        lane.opening += 1
        self._of_tenants[lane.key[0]] += 1
        courier = self._make(lane)
        task = group.create_task(self._run(courier), name=f"courier {lane.key}")
        self._tasks[task] = courier
        task.add_done_callback(self._end)

    async def _run(self, courier: Courier) -> None:
        try:
            await courier.run()
        except Exception as error:  # noqa: BLE001 - a bug ends this connection, not the engine
            events.task_broke("courier", error)
            self._fault(courier.lane, f"internal error {type(error).__name__}")

    def _end(self, task: asyncio.Task[None]) -> None:
        courier = self._tasks.pop(task)
        courier.lane.running -= 1
        self._of_tenants -= Counter([courier.lane.key[0]])  # keeps no zeros
        if not courier.is_connected:
            courier.lane.opening -= 1
        self._ended(courier.lane)

    def end_idle(self, lane: Lane | None = None) -> None:
        """Cancel those, of one lane or of all, that connect or stand between two messages."""
        for task, courier in self._tasks.items():
            if lane in (None, courier.lane) and not courier.is_sending:
                task.cancel()

    async def end(self, grace_s: float) -> None:
        """What is on the wire may end within the grace time."""
        if not self._tasks:
            return
        self.end_idle()
        events.draining(len(self._tasks))
        await asyncio.wait(list(self._tasks), timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
