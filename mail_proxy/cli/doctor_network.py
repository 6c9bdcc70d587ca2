"""What `doctor` says of the mail servers and callbacks that the instance has tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mail_proxy.cli.finding import Finding, failed, passed, warned
from mail_proxy.domain.command_line import by_id, command_line
from mail_proxy.domain.safe_text import safe_text

_SOON_D = 14  # days of a certificate that are worth a warning


def network_findings(name: str, told: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """One of each account and callback, from the answer of `checkNetwork`."""
    for account in told["accounts"]:
        yield _account(name, account, now)
    for callback in told["callbacks"]:
        yield _callback(name, callback)
    if told["unchecked"]:
        text = f"the time was too short for {told['unchecked']} accounts and callbacks"
        yield warned("network", text, f"mail-proxy {name} TENANT accounts check ID")


def _account(name: str, account: Mapping[str, Any], now: float) -> Finding:
    tenant_id, account_id = account["tenant_id"], account["account_id"]
    check = f"account {safe_text(tenant_id, 64)}/{safe_text(account_id, 64)}"
    where = f"{safe_text(account['host'], 255)}:{account['port']}"
    if not account["ok"]:
        text = f"{where}: {safe_text(account.get('error'), 300)}"
        fix = "set-password" if account["login"] == "refused" else "check"
        line = command_line(name, tenant_id, "accounts", fix, *by_id(account_id))
        return failed(check, text, line)
    login = ", login accepted" if account["login"] == "accepted" else ""
    if "tls_version" not in account:
        if account["offers_starttls"]:
            words = by_id(account_id, "--tls-mode", "starttls")
            fix = command_line(name, tenant_id, "accounts", "update", *words)
            return warned(check, f"{where} answers{login}; STARTTLS is offered and not used", fix)
        return passed(check, f"{where} answers in clear{login}")
    expires_at = account.get("certificate_expires_at")
    if expires_at is None:
        return passed(check, f"{where} answers, {account['tls_version']}{login}")
    days = int((expires_at - now) // 86400)
    text = f"{where} answers, {account['tls_version']}{login}; certificate good for {days} days"
    if days < _SOON_D:
        return warned(check, text, f"whoever runs {where} must renew its certificate")
    return passed(check, text)


def _callback(name: str, callback: Mapping[str, Any]) -> Finding:
    tenant_id = callback["tenant_id"]
    check, url = f"callback {safe_text(tenant_id, 64)}", safe_text(callback["url"], 300)
    if callback["ok"]:
        return passed(check, f"{url} answers")
    text = f"{url}: {safe_text(callback.get('error'), 300)}"
    return failed(check, text, command_line(name, "tenants", "show", *by_id(tenant_id)))
