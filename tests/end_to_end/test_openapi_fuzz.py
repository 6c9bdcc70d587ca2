"""Whatever is sent to a route, its answer is one that its description knows, and never a 5xx.

MAIL_PROXY_FUZZ_EXAMPLES: requests for each route and caller; `make fuzz` sends 200.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
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
    response_schema_conformance,
    status_code_conformance,
)

from mail_proxy.api.openapi import document
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES, Route
from tests.end_to_end.served import NOWHERE, PATIENCE_S, Served, mail, served

EXAMPLES = int(os.environ.get("MAIL_PROXY_FUZZ_EXAMPLES", "20"))
SEED = 20_260_101
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FUZZED = [route for route in ROUTES.values() if route.scope < Scope.LOCAL]

# A daemon connects to what it is told, so it is told of addresses of this machine alone; a provider
# of access tokens has an address of its own.
HOSTS = ("host", "imap_host", "bounce_imap_host")
URLS = ("token_url", "client_base_url", "storage_url", "public_base_url", "endpoint_url")
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


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fuzz"), GMP_TEST_MODE="true") as running:
        yield running


def prepare(running: Served) -> None:
    """What the requests of the last test may have taken away."""
    for tenant_id in ("acme", "bravo"):
        running.ask("POST", "/tenant", {"id": tenant_id})
        account = {"tenant_id": tenant_id, "id": "main", "host": NOWHERE, "port": 25}
        running.ask("POST", "/account", account)
        messages = [mail(f"m{n}", batch_code="spring", tenant_id=tenant_id) for n in (1, 2)]
        assert running.post(*messages, who="admin").status_code == 200
    running.tokens["tenant"] = running.ask("POST", "/tenant/acme/api-key")["api_key"]


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
    return [
        shapes[name]
        for name in ("PostedMessage", "ClientAuth", "RateLimits", "LargeFiles", "OAuth2")
    ]


def harmless(value: Any) -> Any:
    """The same request, leading nowhere else."""
    match value:
        case dict():
            return {key: _led(key, inner) for key, inner in value.items()}
        case list():
            return [harmless(item) for item in value]
        case _:
            return value


def _led(key: str, value: Any) -> Any:
    if key == "provider":
        return None
    if key == "storage_path" and isinstance(value, str) and "http" in value.lower():
        return f"http://{NOWHERE}:9/x"
    if key == "storage_url" and isinstance(value, str):
        return "file://"  # in the instance's own folder
    if key in HOSTS + URLS and isinstance(value, str) and value not in SAFE:
        return NOWHERE
    return harmless(value)


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
    if route.streams:
        case.query = {**(case.query if isinstance(case.query, dict) else {}), "for_s": "0.05"}
    return case


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["admin", "tenant", "nobody"])
@pytest.mark.parametrize("route", FUZZED, ids=lambda route: route.name)
def test_every_answer_is_one_that_is_described(route: Route, caller: str, daemon: Served) -> None:
    prepare(daemon)
    token = daemon.tokens[caller]
    is_open = token is not None or route.scope is Scope.PUBLIC
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
        assert is_open or response.status_code >= 400

    walk()


def test_requests_lead_nowhere_else() -> None:
    asked = {
        "host": "smtp.example.com",
        "in": [{"client_base_url": "http://example.com"}],
        "oauth2": {"provider": "google"},
        "large_file_config": {"storage_url": "s3://bucket"},
        "attachments": [{"storage_path": "[HTTPS://example.com]x"}, {"storage_path": "a/b"}],
    }

    assert harmless(asked) == {
        "host": NOWHERE,
        "in": [{"client_base_url": NOWHERE}],
        "oauth2": {"provider": None},
        "large_file_config": {"storage_url": "file://"},
        "attachments": [{"storage_path": f"http://{NOWHERE}:9/x"}, {"storage_path": "a/b"}],
    }
