"""The entry of `mail-proxy`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit."""
    if sys.argv[1:2] == ["__complete"]:
        from mail_proxy.completion.answer import (
            main as complete,
        )  # all that the Tab key may wait for

        sys.exit(complete(sys.argv[2:]))
    from mail_proxy.cli.main import run  # here, so that importing this module costs nothing

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
