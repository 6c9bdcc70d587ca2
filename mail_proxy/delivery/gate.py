"""Lets messages be composed; one that has taken daemons down is composed alone.

A daemon's death is blamed on what it was composing. Alone, a message is surely to blame, or surely
not; the others wait for no network meanwhile, but for one content to be read at most.
"""

from __future__ import annotations

import asyncio

ALONE_AFTER = 3  # lapses; with one more it is parked


class Gate:
    """Counts the attempts that have begun and are not composed; costs an addition for each."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_alone = False  # nobody else is inside, and nobody may enter
        self._opened = asyncio.Event()
        self._opened.set()
        self._emptied = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    async def opened(self) -> None:
        """Until others may begin again."""
        await self._opened.wait()

    async def close(self) -> None:
        """Wait until nobody is inside, and nobody else may enter; who then enters is alone.

        It opens when that one leaves.
        """
        while not self.is_open:
            await self._opened.wait()
        self._opened.clear()
        try:
            while self._inside:
                self._emptied.clear()
                await self._emptied.wait()
        except BaseException:
            self.open()
            raise
        self._is_alone = True

    def open(self) -> None:
        """After `close`, when nobody is to enter after all."""
        self._is_alone = False
        self._opened.set()

    def enter(self) -> None:
        """An attempt begins: only while it is open, or alone."""
        self._inside += 1

    def leave(self) -> None:
        """It is composed, or has ended."""
        self._inside -= 1
        if self._is_alone:
            self.open()
        elif not self._inside:
            self._emptied.set()
