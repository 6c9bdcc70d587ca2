"""From the command line to a running event loop: settings, folders, log, locks, in that order.

Every refusal becomes one sentence: on the readiness descriptor, in the log, on stderr in front.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import ExitStack

from mail_proxy.config.file import discard_instance
from mail_proxy.config.instances import Instance, home, instance_named
from mail_proxy.config.load import load_settings, settings_from_environment
from mail_proxy.config.lock import DatabaseLock, StateLock, holder_of
from mail_proxy.config.settings import Settings
from mail_proxy.daemon.folders import prepare_instance, prepare_state_dir
from mail_proxy.daemon.plan import Plan
from mail_proxy.daemon.readiness import Readiness
from mail_proxy.daemon.run import run
from mail_proxy.domain.errors import Locked, MailProxyError
from mail_proxy.event_loop import new_event_loop
from mail_proxy.observe import events, log

_PURPOSE = "daemon"
# A command without a daemon holds the database for as long as it runs, mostly milliseconds.
_DATABASE_WAIT_S = 10.0
_LOOK_EVERY_S = 0.05


def start(
    name: str | None,
    *,
    host: str | None,
    port: int | None,
    ready_fd: int | None,
    is_new: bool = False,
) -> int:
    """Run until stopped; the exit code. Without a name, what the environment says.

    is_new: the instance was made for this start: where that is refused, nothing is left of it.
    """
    readiness = Readiness(ready_fd)
    log.configure(stream=sys.stderr)
    try:
        _run_alone(_plan(name, host, port, readiness))
        return 0
    except KeyboardInterrupt:  # before the event loop takes the signals
        _discard(name, is_new)
        return 128 + signal.SIGINT
    except MailProxyError as error:
        events.daemon_failed(code=error.code, why=str(error), hint=error.hint)
        readiness.refused(error)
        _discard(name, is_new)
    except Exception as error:  # noqa: BLE001 - a bug of ours: told where the start is waited for
        events.task_broke("daemon", error)
        readiness.refused(MailProxyError(f"internal error: {type(error).__name__}; see the log"))
    finally:
        log.unconfigure()
    return 1


def _discard(name: str | None, is_new: bool) -> None:
    if name is not None and is_new:
        discard_instance(instance_named(name, home()))


def _run_alone(plan: Plan) -> None:
    if plan.is_named:
        prepare_instance(plan.instance, plan.settings)
    else:
        prepare_state_dir(plan.settings)
    plan.open_log()
    with ExitStack() as held:
        held.enter_context(StateLock(plan.settings.state_dir).acquire(_PURPOSE))
        held.enter_context(_database_lock(plan.settings))
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(run(plan))


def _plan(name: str | None, host: str | None, port: int | None, readiness: Readiness) -> Plan:
    if name is None:
        settings = settings_from_environment(host=host, port=port)
        instance = Instance(settings.name, settings.state_dir)
    else:
        instance = instance_named(name, home())
        settings = load_settings(instance, host=host, port=port)
    return Plan(settings, instance, readiness, is_named=name is not None)


def _database_lock(settings: Settings) -> DatabaseLock:
    lock = DatabaseLock(settings.database_path)
    deadline = time.monotonic() + _DATABASE_WAIT_S
    while True:
        try:
            return lock.acquire(_PURPOSE)
        except Locked:
            holder = holder_of(lock.path)
            is_daemon = holder is not None and holder.purpose == _PURPOSE
            if is_daemon or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_EVERY_S)
