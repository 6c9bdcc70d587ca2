from __future__ import annotations

LINE = ("my", "tenants", "webhook-secret", "acme")


def test_the_first_one_is_made_and_printed_alone(cli) -> None:
    cli.instance("my")
    ran = cli(*LINE)
    assert ran.out == "whsec_bmV3\n"
    assert "shown this once" in ran.err


def test_one_that_is_there_is_listed_masked(cli) -> None:
    world = cli.instance("my")
    cli(*LINE)
    listed = cli(*LINE, "--json").json
    assert [each["secret"] for each in listed] == ["********"]
    assert world.names().count("createWebhookSecret") == 1


def test_a_rotation_tells_how_long_the_old_one_signs_too(cli) -> None:
    world = cli.instance("my")
    cli(*LINE)
    ran = cli(*LINE, "--rotate", "--overlap", "2d")
    assert world.last("createWebhookSecret") == {"tenant_id": "acme", "overlap_s": 172800}
    assert "signs too for 2d" in ran.err


def test_the_old_one_can_end_at_once(cli) -> None:
    world = cli.instance("my")
    cli(*LINE)
    assert cli(*LINE, "--rotate", "--overlap", "0", "--json").json["secret"] == "whsec_bmV3"
    assert world.last("createWebhookSecret")["overlap_s"] == 0


def test_deleting_asks_first(cli) -> None:
    world = cli.instance("my")
    cli(*LINE)
    assert cli(*LINE, "--delete").code != 0
    assert "deleteWebhookSecret" not in world.names()
    assert cli(*LINE, "--delete", "--force").code == 0
    assert "webhook_secrets" not in world.tenants["acme"]


def test_what_cannot_be_is_told_before_anything_is_done(cli) -> None:
    world = cli.instance("my")
    assert cli(*LINE, "--overlap", "soon").code == 2
    assert cli(*LINE, "--rotate", "--delete").code == 2
    assert "would" in cli(*LINE, "--dry-run").out.lower()
    assert "createWebhookSecret" not in world.names()


def test_an_absent_tenant_is_not_found(cli) -> None:
    cli.instance("my")
    assert cli("my", "tenants", "webhook-secret", "nobody").code == 4
