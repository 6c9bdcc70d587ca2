"""`doctor [NAME]`: what is wrong with an instance, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from mail_proxy.cli import doctor_daemon, doctor_files
from mail_proxy.cli.colour import GREEN, RED, YELLOW, paint
from mail_proxy.cli.doctor_installed import check_completion, check_manual
from mail_proxy.cli.doctor_network import network_findings
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.finding import Finding, Level, failed, passed, warned
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import Here, here
from mail_proxy.config.instances import Instance, list_instances
from mail_proxy.config.load import load_settings
from mail_proxy.config.settings import Settings
from mail_proxy.domain.command_line import shell_line
from mail_proxy.domain.errors import ConfigurationError, MailProxyError
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column

app = Family()

_COLOURS = {Level.PASS: GREEN, Level.WARN: YELLOW, Level.FAIL: RED}
_COLUMNS = tuple(Column(name) for name in ("instance", "check", "result", "text", "fix"))


@app.command()
def doctor(
    ctx: typer.Context,
    name: str | None = typer.Argument(None, metavar="[NAME]", help="One instance; else all."),
    login: bool = typer.Option(False, "--login", help="Log in to the mail servers too."),
) -> int:
    """What is wrong with an instance, and what to do about it.

    Looks at files, settings, daemon, database, disk, mail servers and callbacks, with the daemon up
    or down, and whether completion and manual are installed. Sends no mail and no report, changes
    nothing. The exit code is 1 when a check FAILs.

    Examples:
      mail-proxy doctor
      mail-proxy doctor myserver --login
    """
    found = here(ctx)
    instances = [found.existing(name)] if name else list_instances(found.root)
    told: list[dict[str, Any]] = []
    _tell(found, told, "", doctor_files.check_home(found.root))
    _tell(found, told, "", check_completion(found.environ))
    _tell(found, told, "", check_manual(found.environ))
    for instance in instances:
        found.instance_name = instance.name
        if len(instances) > 1 and found.writer.is_for_people:
            found.writer.line()
            found.writer.heading(instance.name)
        for finding in _findings(found, instance, login=login):
            _tell(found, told, instance.name, finding)
    return _sum_up(found, told)


def _findings(found: Here, instance: Instance, *, login: bool) -> Iterator[Finding]:
    settings = _settings(found, instance)
    if isinstance(settings, Finding):
        yield settings
        yield from _files(found, instance, instance.database_path)
        yield doctor_daemon.check_process(instance.name, found.doors.status(instance))
        return
    yield _check_config(instance, settings)
    yield from _files(found, instance, settings.database_path)
    daemon = found.doors.status(instance)
    yield doctor_daemon.check_process(instance.name, daemon)
    yield doctor_daemon.check_port(instance.name, daemon, settings)
    yield doctor_daemon.check_open_files(daemon)
    if not settings.database_path.exists():
        return  # looking must not make one
    try:
        with found.control() as control:
            yield from doctor_daemon.ask(found, control)
            network = control.call("checkNetwork", login=login)
    except MailProxyError as error:
        yield doctor_daemon.unreadable(instance.name, error)
        return
    yield from network_findings(instance.name, network, found.writer.now())


def _settings(found: Here, instance: Instance) -> Settings | Finding:
    try:
        return load_settings(instance, found.environ)
    except ConfigurationError as error:
        return failed("config", safe_text(error, 500), error.hint or "mail-proxy help environment")


def _check_config(instance: Instance, settings: Settings) -> Finding:
    if settings.notes:
        return warned(
            "config",
            safe_text("; ".join(settings.notes), 500),
            f"$EDITOR {shell_line(instance.config_path)}, or unset the variable",
        )
    return passed("config", f"{instance.config_path} is good")


def _files(found: Here, instance: Instance, database: Path) -> Iterator[Finding]:
    yield doctor_files.check_rights(instance, database)
    yield doctor_files.check_database(instance.name, database)
    yield doctor_files.check_disk(instance.folder)
    yield doctor_files.check_wal(instance.name, database)
    yield doctor_files.check_clock(instance, database, found.writer.now())


def _tell(found: Here, told: list[dict[str, Any]], instance: str, finding: Finding) -> None:
    """People read each as it comes: the network may take its time."""
    told.append(
        {
            "instance": instance or None,
            "check": finding.check,
            "result": finding.level.value,
            "text": finding.text,
            "fix": finding.fix or None,
        }
    )
    if not found.writer.is_for_people:
        return
    level = paint(finding.level.value, _COLOURS[finding.level], coloured=found.writer.out_coloured)
    found.writer.line(f"{level}  {finding.check:<10} {safe_text(finding.text)}")
    if finding.fix:
        found.writer.line(f"      fix: {safe_text(finding.fix)}")


def _sum_up(found: Here, told: list[dict[str, Any]]) -> int:
    n = {level: sum(each["result"] == level for each in told) for level in Level}
    is_well = not n[Level.FAIL]
    match found.writer.format:
        case "table":
            found.writer.hint(
                f"\npassed {n[Level.PASS]}, warnings {n[Level.WARN]}, failed {n[Level.FAIL]}"
            )
        case "json":
            found.writer.document({"ok": is_well, "checks": told})
        case _:
            found.writer.records(_COLUMNS, told)
    return ExitCode.DONE if is_well else ExitCode.FAILED
