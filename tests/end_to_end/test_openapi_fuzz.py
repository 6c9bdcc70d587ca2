"""Whatever is sent to a route, its answer is one that its description knows, and never a 5xx.

MAIL_PROXY_FUZZ_EXAMPLES: requests for each route and caller; `make fuzz` sends 200.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from mail_proxy.api.openapi import document
from mail_proxy.config.instances import Instance
from mail_proxy.control.process import start_daemon
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES, Route
from tests.faults.installation import end, environment

EXAMPLES = int(os.environ.get("MAIL_PROXY_FUZZ_EXAMPLES", "20"))
SEED = 20_260_101
PATIENCE_S = 120.0
ADMIN_TOKEN = "the-admins-token"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
]
FUZZED = [route for route in ROUTES.values() if route.scope < Scope.LOCAL]

# A daemon connects to what it is told: here to an address of this machine where nobody listens.
NOWHERE = "127.9.9.9"
HOSTS = ("host", "imap_host", "bounce_imap_host")
URLS = ("client_base_url", "storage_url", "public_base_url")
SAFE = (None, "", "a b", NOWHERE, f"http://{NOWHERE}:9", f"http://{NOWHERE}:9/x?y#z")

# Ids that are there, so that not every request ends at its first check.
KNOWN = {
    "tenant_id": ["acme", "bravo"],
    "account_id": ["main"],
    "id": ["m1", "acme", "main"],
    "ids": [["m1", "m2"]],
    "batch_code": ["spring"],
    "status": ["sent,error", "pending"],
}


@dataclass(frozen=True)
class Running:
    url: str
    keys: dict[str, str | None]

    def ask(self, command: str, body: dict[str, Any]) -> dict[str, Any]:
        route = ROUTES[command]
        path = route.path.format(**body)
        headers = {"X-API-Token": ADMIN_TOKEN}
        answer = requests.request(
            route.method, self.url + path, json=body, headers=headers, timeout=PATIENCE_S
        )
        found: dict[str, Any] = answer.json()
        assert answer.status_code == 200, found
        return found

    def prepare(self) -> None:
        """What the requests of the last test may have taken away."""
        for tenant_id in ("acme", "bravo"):
            self.ask("addTenant", {"id": tenant_id})
            account = {"tenant_id": tenant_id, "id": "main", "host": NOWHERE, "port": 25}
            self.ask("addAccount", account)
            mail = {"from": "a@example.com", "to": "b@example.com", "subject": "s"}
            mail["account_id"] = "main"
            messages = [{"id": f"m{n}", "batch_code": "spring", **mail} for n in (1, 2)]
            self.ask("addMessages", {"tenant_id": tenant_id, "messages": messages})
        self.keys["tenant"] = self.ask("createTenantKey", {"tenant_id": "acme"})["api_key"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("fuzz") / "home"
    instance = Instance("fuzzed", home / "fuzzed")
    environ = {**environment(home), "GMP_API_TOKEN": ADMIN_TOKEN, "GMP_TEST_MODE": "true"}
    info = start_daemon(instance, port=0, environ=environ, timeout_s=PATIENCE_S)
    try:
        yield Running(info.url, {"admin": ADMIN_TOKEN, "nobody": None})
    finally:
        end(instance)


def strict(value: Any) -> Any:
    """The description, with answers in which no other field may be."""
    described = copy.deepcopy(value)
    for schema in described["components"]["schemas"].values():
        if not any(schema is shape for shape in requested(described)):
            schema["additionalProperties"] = False
    return described


def requested(described: dict[str, Any]) -> list[dict[str, Any]]:
    """Shapes that are sent; in these any other field may be."""
    shapes = described["components"]["schemas"]
    return [shapes[name] for name in ("PostedMessage", "ClientAuth", "RateLimits", "LargeFiles")]


def harmless(value: Any) -> Any:
    """The same request, leading nowhere else."""
    match value:
        case dict():
            return {
                key: NOWHERE
                if key in HOSTS + URLS and isinstance(inner, str) and inner not in SAFE
                else harmless(inner)
                for key, inner in value.items()
            }
        case list():
            return [harmless(item) for item in value]
        case _:
            return value


SCHEMA = schemathesis.openapi.from_dict(strict(document()), config=schemathesis.Config())


def requests_of(route: Route) -> st.SearchStrategy[Case]:
    operation = SCHEMA[route.path][route.method]
    return st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE),
    )


@st.composite
def cases(draw: st.DrawFn, route: Route) -> Case:
    case = draw(requests_of(route))
    for name in ("path_parameters", "query", "body"):
        fields = getattr(case, name)
        if not isinstance(fields, dict):
            continue
        known = {
            key: draw(st.sampled_from(KNOWN[key]))
            for key in fields
            if key in KNOWN and draw(st.booleans())
        }
        setattr(case, name, harmless({**fields, **known}))
    return case


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["admin", "tenant", "nobody"])
@pytest.mark.parametrize("route", FUZZED, ids=lambda route: route.name)
def test_every_answer_is_one_that_is_described(route: Route, caller: str, daemon: Running) -> None:
    daemon.prepare()
    token = daemon.keys[caller]
    headers = {} if token is None else {"X-API-Token": token}
    session = requests.Session()

    @hypothesis.seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(route))
    def walk(case: Case) -> None:
        response = case.call(
            base_url=daemon.url, headers=headers, session=session, timeout=PATIENCE_S
        )
        case.validate_response(response, checks=CHECKS)

    walk()


def test_requests_lead_nowhere_else() -> None:
    asked = {"host": "smtp.example.com", "in": [{"client_base_url": "http://example.com"}]}

    assert harmless(asked) == {"host": NOWHERE, "in": [{"client_base_url": NOWHERE}]}
