"""The example files of the installation page name settings and commands that there are."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import yaml

from mail_proxy.cli.main import run
from mail_proxy.config.environment import OTHERS, VARIABLES
from mail_proxy.config.settings import DeliverySettings

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
DOCKERFILE = EXAMPLES / "container" / "Dockerfile"
COMPOSE = EXAMPLES / "container" / "compose.yaml"
UNIT = EXAMPLES / "systemd" / "mail-proxy@.service"
KNOWN = {name for variable in VARIABLES for name in variable.names} | OTHERS


@pytest.mark.parametrize("path", [DOCKERFILE, COMPOSE, UNIT], ids=lambda path: path.name)
def test_an_example_names_settings_that_there_are(path: Path) -> None:
    named = set(re.findall(r"GMP_[A-Z_]+", path.read_text(encoding="utf-8")))

    assert named <= KNOWN


def test_the_unit_starts_an_instance_in_front() -> None:
    (line,) = re.findall(r"^ExecStart=\S+/mail-proxy (.*)$", UNIT.read_text(), re.MULTILINE)
    shown = io.StringIO()
    code = run(
        [*line.replace("%i", "myserver").split(), "--help"],
        environ={},
        stdin=io.StringIO(),
        stdout=shown,
        stderr=shown,
    )

    assert (line, code) == ("start %i --foreground", 0)


def test_what_stops_the_daemon_waits_longer_than_the_daemon() -> None:
    (wait_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["mail-proxy"]

    assert int(wait_s) > DeliverySettings().stop_grace_s
    assert service["stop_grace_period"] == f"{wait_s}s"


def test_the_image_is_built_of_the_file_that_stands_beside() -> None:
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["mail-proxy"]
    context = (COMPOSE.parent / service["build"]["context"]).resolve()

    assert context / service["build"]["dockerfile"] == DOCKERFILE
