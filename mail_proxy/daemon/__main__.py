"""`python -m mail_proxy.daemon NAME` runs one instance; `--serve` runs one from GMP_* alone.

With `--ready-fd N` it goes behind the terminal and tells the descriptor how the start went.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":  # Ctrl-C during our imports is no reason for a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import sys
from collections.abc import Sequence

from mail_proxy.daemon.detach import detach


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a clean stop, 1 where it could not start or broke, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    if bool(arguments.name) == arguments.serve:
        _parser().error("give the name of an instance, or --serve")
    os.umask(0o077)  # before anything is made
    if arguments.ready_fd is not None:
        detach()
    # Loaded after the fork: half a second of imports that the first process has no use for.
    from mail_proxy.daemon.start import start

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return start(
        arguments.name,
        host=arguments.host,
        port=arguments.port,
        ready_fd=arguments.ready_fd,
        is_new=arguments.new,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mail_proxy.daemon", allow_abbrev=False)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the instance to run")
    parser.add_argument("--serve", action="store_true", help="run from GMP_* alone, in front")
    parser.add_argument("--host", metavar="HOST", help="the address to listen on")
    parser.add_argument("--port", metavar="PORT", type=int, help="the port to listen on")
    parser.add_argument("--new", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ready-fd", metavar="N", type=_descriptor, help=argparse.SUPPRESS)
    return parser


def _descriptor(text: str) -> int:
    descriptor = int(text)
    try:
        os.fstat(descriptor)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} is not open: {error.strerror}") from error
    return descriptor


if __name__ == "__main__":
    sys.exit(main())
