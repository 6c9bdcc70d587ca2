"""The dashboard and the alerts speak of metrics that exist, and the page lists them all."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mail_proxy.observe.gauges import Paused, Standing
from mail_proxy.observe.labels import labels
from mail_proxy.observe.metrics import MailMetrics
from tests.faults.profile import program

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"\b(?:gmp|process)_[a-z_]+")


def shown() -> set[str]:
    """The names in the text that is scraped."""
    metrics = MailMetrics()
    metrics.gauges.show(Standing(paused=[Paused(labels("acme", None, "main"), "fault")]))
    return {re.split(r"[{ ]", line)[0] for line in metrics.render().splitlines() if line[0] != "#"}


def expressions() -> list[str]:
    dashboard = json.loads((DOCS / "monitoring/grafana.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_panel_shows_metrics_that_exist():
    assert len(expressions()) > 10
    for expression in expressions():
        assert set(NAME.findall(expression)) <= shown(), expression


def test_every_alert_looks_at_metrics_that_exist():
    rules = (DOCS / "monitoring/alerts.yml").read_text()
    named = set(NAME.findall(rules))
    assert len(named) > 5
    assert named <= shown()


def test_the_page_lists_every_metric_of_ours():
    page = (DOCS / "monitoring.md").read_text()
    families = {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in shown() if name.startswith("gmp_")
    }
    listed = set(re.findall(r"^\| `(gmp_[a-z_]+)`", page, re.MULTILINE))
    assert listed == families


def test_the_page_lists_every_alert():
    rules = (DOCS / "monitoring/alerts.yml").read_text()
    page = (DOCS / "monitoring.md").read_text()
    listed = re.findall(r"^\| `(MailProxy\w+)`", page, re.MULTILINE)
    assert listed == re.findall(r"alert: (\w+)", rules)


@pytest.mark.slow
def test_the_alerts_fire_when_they_should():
    promtool = program("promtool", "prometheus")
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            [promtool, *arguments], cwd=DOCS / "monitoring", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
