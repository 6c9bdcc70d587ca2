"""What a daemon does for its database beside the mail: old rows go, and the room that they had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from mail_proxy.domain.errors import StoreError
from mail_proxy.observe import events
from mail_proxy.operations.context import Context
from mail_proxy.operations.messages import cleanup, forget_answers
from mail_proxy.operations.spooling import remove_garbage, sweep

CLEANUP_EVERY_S = 3600.0
# For room to give back, which waits until no mail is on its way; for files of messages that went.
LOOK_EVERY_S = 60.0
# 64 pages of 4 KiB are moved in a millisecond or two: what a post may have to wait.
SHRINK_PAGES = 64
SHRINK_PAUSE_S = 0.02
# The next messages take the free pages first: so many stay, and a tenth of the file.
KEEP_PAGES = 1024


def pages_to_free(free: int, pages: int) -> int:
    """How many of the `free` ones of `pages` are more than the next messages may want."""
    return max(0, free - max(KEEP_PAGES, pages // 10))


class Upkeep:
    """`run` until `stop`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._ended = asyncio.Event()

    def stop(self) -> None:
        self._ended.set()

    async def run(self) -> None:
        clock = self._ctx.clock
        clean_at = clock.monotonic()
        if not self._ctx.store.is_key_replaced:
            await self._safely("key rotation", self.go_on_with_key())
        while not self._ended.is_set():
            if clock.monotonic() >= clean_at:
                clean_at = clock.monotonic() + CLEANUP_EVERY_S
                await self._safely("clean-up", self.clean_up())
                await self._safely("spool sweep", self.sweep())
                await self._safely("large files", self.clean_files())
            await self._safely("spool", self.remove_garbage())
            await self._safely("shrinking", self.shrink())
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._ended.wait()
            except TimeoutError:
                pass
            await self._safely("key uses", self._ctx.tokens.write_uses())

    async def clean_up(self) -> None:
        """Messages, commands and kept answers go when they are older than they need to be."""
        ctx, settings = self._ctx, self._ctx.settings.reports
        messages = await cleanup(ctx, None, age_s=settings.retention_s)
        await forget_answers(ctx)
        before = ctx.clock.now() - settings.command_log_s
        commands = await ctx.store.cleanup_commands(before=before)
        if messages or commands:
            events.cleaned_up(messages=messages, commands=commands)

    async def remove_garbage(self) -> None:
        """Spool files go after their messages."""
        await remove_garbage(self._ctx)

    async def sweep(self) -> None:
        """What a crash left in the spool."""
        if files := await sweep(self._ctx):
            events.spool_swept(files=files)

    async def clean_files(self) -> None:
        """Stored files go when no link leads to them any more."""
        if n := await self._ctx.large_files.clean_up(self._ended.is_set):
            events.files_removed(n)

    async def go_on_with_key(self) -> None:
        """The encryption key was being replaced when the last daemon ended."""
        events.key_rotated(values=await self._ctx.store.replace_key())

    async def shrink(self) -> None:
        """Give free room back to the disk, in small steps, while no mail is on its way."""
        ctx = self._ctx
        before = None
        while not self._ended.is_set() and not ctx.engine.snapshot()["connections"]:
            free, pages = await ctx.store.free_pages()
            n = min(SHRINK_PAGES, pages_to_free(free, pages))
            if not n or (before is not None and free >= before):  # a file may keep its pages
                return
            before = free
            await ctx.store.shrink(n)
            await ctx.clock.sleep(SHRINK_PAUSE_S)

    async def _safely(self, what: str, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreError as error:  # the next round finds the same rows
            events.store_trouble(where=what, error=error)
        except Exception as error:  # noqa: BLE001 - a bug in tidying up must not stop the mail
            events.task_broke(what, error)
