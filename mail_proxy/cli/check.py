"""What a mail server said to a login, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.failure import tell
from mail_proxy.cli.here import Here
from mail_proxy.domain import units
from mail_proxy.domain.command_line import by_id
from mail_proxy.domain.safe_text import safe_text
from mail_proxy.tables.columns import Column

_STAGES = ("connect", "tls", "token", "auth")
_TITLES = {"connect": "connect", "tls": "TLS", "token": "token", "auth": "login"}
_SOON_D = 14  # days of a certificate that are worth a warning


def print_report(found: Here, report: Mapping[str, Any], account_id: str) -> int:
    """The steps, then what the server offers; the exit code: 1 with the step that failed."""
    failed = report.get("failed_stage")
    if not found.writer.is_for_people:
        record = {"ok": not failed, **report}
        found.writer.record(record, [Column(key) for key in record])
    else:
        _print_steps(found, report, failed)
        _print_offers(found, report)
    _warn_of_clear_text(found, report, account_id)
    if not failed:
        _hint_resume(found, account_id)
        return ExitCode.DONE
    why = str(report.get("failure") or _reply(report))  # names the step that failed
    where = f"{report.get('host')}:{report.get('port')}"
    tell(found, f"{where}: {why}", _advice(found, report, account_id))
    return ExitCode.FAILED


def _hint_resume(found: Here, account_id: str) -> None:
    """A login that works ends no pause by itself: the mail still waits for the next try."""
    told = found.call("getAccount", tenant_id=found.tenant_id, account_id=account_id)
    if told["account"].get("paused_by") in ("fault", "person"):
        found.writer.hint(
            f"It is still paused. Send now: {found.line('accounts', 'resume', *by_id(account_id))}"
        )


def _warn_of_clear_text(found: Here, report: Mapping[str, Any], account_id: str) -> None:
    if report.get("tls_version") or "STARTTLS" not in (report.get("capabilities") or {}):
        return
    what = "mail" if report.get("login") == "none" else "mail and password"
    use = found.line("accounts", "update", *by_id(account_id, "--tls-mode", "starttls"))
    found.writer.warn(
        f"the server offers STARTTLS and it is not used: {what} would go in clear. Use it: {use}"
    )


def _print_steps(found: Here, report: Mapping[str, Any], failed: object) -> None:
    found.writer.line(f"{safe_text(report.get('host'))}:{report.get('port')}")
    timings = report.get("timings_s") or {}
    for stage in _STAGES:
        if stage == "token" and report.get("auth_method") != "oauth2":
            continue
        result = "FAILED" if stage == failed else _passed(report, stage, timings)
        took = f"{timings[stage] * 1000:.0f} ms" if stage in timings else ""
        detail = _detail(found, report, stage) if result == "ok" else ""
        line = f"  {_TITLES[stage]:<8} {result:<8} {took:>8}  {detail}".rstrip()
        found.writer.prose(line, indent=" " * 30)


def _passed(report: Mapping[str, Any], stage: str, timings: Mapping[str, float]) -> str:
    if stage == "auth":
        return {"accepted": "ok", "refused": "FAILED"}.get(str(report.get("login")), "-")
    if stage == "tls":
        return "ok" if report.get("tls_version") else "-"
    return "ok" if stage in timings else "-"


def _detail(found: Here, report: Mapping[str, Any], stage: str) -> str:
    if stage == "connect":
        return safe_text(report.get("greeting"), 200)
    if stage == "tls":
        parts = [safe_text(report.get("tls_version")), safe_text(report.get("cipher"))]
        expires_at = report.get("certificate_expires_at")
        if isinstance(expires_at, int | float):
            days = int((expires_at - found.writer.now()) // 86400)
            parts.append(f"certificate good for {days} days" + ("!" if days < _SOON_D else ""))
        return ", ".join(part for part in parts if part)
    return ""


def _print_offers(found: Here, report: Mapping[str, Any]) -> None:
    capabilities = report.get("capabilities") or {}
    if capabilities:
        words = [
            safe_text(f"{name} {value}".strip(), 200)
            for name, value in sorted(capabilities.items())
        ]
        found.writer.prose(f"  offers   {', '.join(words)}", indent=" " * 11)
    if report.get("max_size_bytes"):
        found.writer.line(f"  takes    mails up to {units.size(report['max_size_bytes'])}")


def _reply(report: Mapping[str, Any]) -> str:
    reply = report.get("reply")
    if isinstance(reply, Mapping):
        return " ".join(str(reply[key]) for key in ("code", "enhanced", "text") if reply.get(key))
    return str(reply or "no answer")


def _advice(found: Here, report: Mapping[str, Any], account_id: str) -> tuple[str, ...]:
    show = found.line("accounts", "show", *by_id(account_id))
    if report.get("failed_stage") == "token" or (
        report.get("login") == "refused" and report.get("auth_method") == "oauth2"
    ):
        refresh = by_id(account_id, "--oauth2-refresh-file", "FILE")
        return (show, found.line("accounts", "update", *refresh))
    if report.get("login") == "refused":
        return (found.line("accounts", "set-password", *by_id(account_id)),)
    change = by_id(account_id, "--host", "HOST", "--port", "PORT", "--tls-mode", "MODE")
    return (show, found.line("accounts", "update", *change))
