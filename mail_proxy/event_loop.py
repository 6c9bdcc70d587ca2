"""The event loop: uvloop where it can be had, else the standard one."""

from __future__ import annotations

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # PyPy, or a platform without wheels
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
