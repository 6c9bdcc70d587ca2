"""`mail-proxy bench`: figures of this machine, on an instance made for them."""

from __future__ import annotations

import typer

from mail_proxy.cli.errors import CommandFailed
from mail_proxy.cli.exit_codes import ExitCode
from mail_proxy.cli.grammar import Family
from mail_proxy.cli.here import here
from mail_proxy.domain.safe_text import safe_text

app = Family()

# Those of mail_proxy/bench/plan.py, which is not imported for a help page.
MEASURES = (
    "startup",
    "accept",
    "drain",
    "latency",
    "pipelining",
    "attachments",
    "scale",
    "dashboard",
)


@app.command()
def bench(
    ctx: typer.Context,
    messages: int = typer.Option(
        5000, "--messages", min=200, metavar="N", help="Posted singly, and again in batches."
    ),
    only: str = typer.Option(
        "", "--only", metavar="A,B", help=f"Some of the measures: {', '.join(MEASURES)}."
    ),
    attachments: bool = typer.Option(
        False, "--attachments", help="Only how attachments fare: --only attachments."
    ),
    runs: int = typer.Option(
        3,
        "--runs",
        min=1,
        metavar="N",
        help="Of each measure but scale and dashboard, each on a new instance.",
    ),
    scale: int | None = typer.Option(
        None, "--scale", min=1000, metavar="N", help="Another depth of the queue, as 1000000."
    ),
    smtp_sink: str | None = typer.Option(
        None, "--smtp-sink", metavar="PATH", help="The mail server's program, or: builtin."
    ),
) -> int:
    """How fast it accepts and delivers on this machine.

    Mail server, receiver of reports, clients and daemon are processes of its own; nothing leaves
    this machine, and nothing is left on it. Without --smtp-sink it takes Postfix's where there is
    one. Ctrl-C ends it all.

    Examples:
      mail-proxy bench
      mail-proxy bench --only accept,drain --messages 20000
      mail-proxy bench --attachments
      mail-proxy bench --only scale,dashboard --scale 1000000
      mail-proxy bench --json > bench.json
    """
    only = "attachments" if attachments and not only else only
    chosen = tuple(name for name in MEASURES if name in only.split(",")) if only else MEASURES
    unknown = set(only.split(",")) - set(MEASURES) if only else set()
    if unknown:
        raise CommandFailed(
            f"--only: there is no '{safe_text(min(unknown), 60)}'. "
            f"There are: {', '.join(MEASURES)}",
            code=ExitCode.USAGE,
        )
    from mail_proxy.bench import Plan, run_bench  # aiohttp and more: for this command alone
    from mail_proxy.cli.bench_view import show_document, shown_progress
    from mail_proxy.cli.unwinding import unwound_by_signals

    plan = Plan(messages, chosen, runs, scale, smtp_sink)
    writer = here(ctx).writer
    with unwound_by_signals(), shown_progress(writer) as say:
        document = run_bench(plan, say)
    show_document(writer, document)
    return ExitCode.DONE
