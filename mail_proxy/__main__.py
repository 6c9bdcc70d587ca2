"""The entry of `mail-proxy`, and the only module that opens the other faces.

Nothing is imported before it is needed, so that a command costs what it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

TYPE_CHECKING = False  # that of `typing`, whose import the Tab key would pay for
if TYPE_CHECKING:
    from mail_proxy.cli.doors import Session, Watch
    from mail_proxy.config.instances import Instance


class OtherFaces:
    """Implements `Faces` of `cli/doors.py`."""

    def repl(self, instance: Instance, environ: Mapping[str, str], session: Session) -> int:
        from mail_proxy.repl.session import run

        return run(
            instance,
            environ,
            url=session.url,
            token=session.token,
            code=session.code,
            file=session.file,
            is_plain=session.is_plain,
            shows_http=session.shows_http,
        )

    def dashboard(self, instance: Instance, environ: Mapping[str, str], watch: Watch) -> int:
        from mail_proxy_tui.run import run

        return run(
            instance,
            environ,
            tenant_id=watch.tenant_id,
            interval_s=watch.interval_s,
            is_once=watch.once,
            is_read_only=watch.read_only,
            is_ascii=watch.ascii,
            size=watch.size,
            url=watch.url,
            token=watch.token,
            token_file=watch.token_file,
        )


def main() -> None:
    """Run the command line of this process and exit."""
    if sys.argv[1:2] == ["__complete"]:
        from mail_proxy.completion.answer import main as complete  # Tab waits for no more than this

        sys.exit(complete(sys.argv[2:]))
    from mail_proxy.cli.main import run

    sys.exit(run(sys.argv[1:], faces=OtherFaces()))


if __name__ == "__main__":
    main()
