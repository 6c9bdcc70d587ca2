"""The entry of a helper process: `python -m mail_proxy.bench.child ROLE [WORD...]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial

from mail_proxy.bench import files, load, mail, raw, reports
from mail_proxy.bench.children import Verb, serve

Role = Callable[..., AbstractAsyncContextManager[Mapping[str, Verb]]]

ROLES: dict[str, Role] = {
    "files": files.verbs,
    "load": load.verbs,
    "mail": mail.verbs,
    "raw": raw.verbs,
    "reports": reports.verbs,
}

if __name__ == "__main__":
    role, *words = sys.argv[1:]
    serve(partial(ROLES[role], *words))
