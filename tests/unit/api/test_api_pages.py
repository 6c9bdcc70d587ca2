"""The description of the API: public, whole, and from this host alone."""

from __future__ import annotations

import json
import re

import pytest

from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES

PUBLISHED = [route for route in ROUTES.values() if route.scope < Scope.LOCAL]


async def test_the_description_is_public_json(anonymous, door):
    answered = await anonymous("GET", "/openapi.json")

    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert json.loads(answered.body)["openapi"] == "3.1.0"
    assert door.calls == []


async def test_the_page_shows_every_route_without_javascript(anonymous):
    page = (await anonymous("GET", "/docs")).body.decode()

    for route in PUBLISHED:
        assert f'<section id="{route.name}"' in page
    assert "/instance/token" not in page


async def test_the_page_loads_nothing_from_elsewhere(anonymous):
    answered = await anonymous("GET", "/docs")
    page = answered.body.decode()

    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert sorted(set(loaded)) == ["docs/page.css", "docs/page.js", "openapi.json"]
    for path in set(loaded):
        assert (await anonymous("GET", f"/{path}")).status == 200
    assert not re.search(r"<script(?! src)|<style|\son\w+=|style=", page)


@pytest.mark.parametrize("path", ["/docs", "/docs/page.js", "/docs/page.css", "/openapi.json"])
async def test_a_browser_is_told_to_trust_nothing_else(path: str, anonymous):
    headers = (await anonymous("GET", path)).headers

    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_page_keeps_no_token(anonymous):
    script = (await anonymous("GET", "/docs/page.js")).body.decode()
    page = (await anonymous("GET", "/docs")).body.decode()

    assert not re.search(r"localStorage|sessionStorage|cookie|indexedDB|innerHTML|eval", script)
    assert re.search(r'<input id="token" type="password" autocomplete="off"', page)


async def test_every_link_within_the_page_leads_somewhere(anonymous):
    page = (await anonymous("GET", "/docs")).body.decode()
    ids = re.findall(r' id="([^"]+)"', page)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


async def test_the_other_name_of_the_page_leads_to_it(anonymous):
    answered = await anonymous("GET", "/redoc")

    assert answered.status == 307
    assert answered.headers["location"] == "docs"
