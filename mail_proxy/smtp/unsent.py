"""How much of what was written the other side has not taken yet."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios


def unsent_bytes(transport: asyncio.WriteTransport) -> int:
    """What waits in our buffer and, where the system tells, in its own (megabytes, often)."""
    unsent = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return unsent
    try:
        # SIOCOUTQ on Linux: not sent yet, or sent and not acknowledged.
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:  # other systems know it for terminals only
        return unsent
    (queued,) = struct.unpack("i", answer)
    return unsent + int(queued)
