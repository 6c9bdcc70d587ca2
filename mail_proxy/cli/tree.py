"""The words of the command line, in the order of the help pages. Data only."""

from __future__ import annotations

from mail_proxy.cli.grammar import Entry

_INSTANCES, _QUEUE, _TOOLS = "Instances", "Queue", "Tools"
_ACCOUNTS, _ONE = "Tenants and accounts", "This instance"

ROOT = (
    Entry("list", "instances", "The instances of this machine and whether they run", _INSTANCES),
    Entry("start", "start", "Start an instance; an unknown name makes a new one", _INSTANCES),
    Entry("stop", "stop", "Stop an instance; what is on the wire ends first", _INSTANCES),
    Entry("restart", "stop", "Stop an instance and start it again", _INSTANCES),
    Entry("status", "instances", "Whether instances run; the exit code says it too", _INSTANCES),
    Entry("delete", "delete", "Delete an instance with its queue and all its data", _INSTANCES),
    Entry("serve", "start", "Run one instance in front, from GMP_* alone", _INSTANCES),
    Entry(
        "instance", "explicit", "NAME: an instance whose name may be a command", _INSTANCES, True
    ),
    Entry("backup", "backup", "Copy an instance into one file, while it runs or not", _INSTANCES),
    Entry("restore", "backup", "Make a new instance of a backup", _INSTANCES),
    Entry("use", "use", "Choose the instance of lines that name none", _INSTANCES),
    Entry("current", "use", "The instance and the tenant of lines that name none", _INSTANCES),
    Entry("demo", "tools", "Watch a queue work, with a mail server made for it", _TOOLS),
    Entry("doctor", "doctor", "What is wrong with an instance, and what to do about it", _TOOLS),
    Entry("bench", "bench", "How fast it accepts and delivers on this machine", _TOOLS),
    Entry("listen", "listen", "Take delivery reports, verify and print them", _TOOLS),
    Entry(
        "completion",
        "completion",
        "Let the Tab key complete: install, or the script of a shell",
        _TOOLS,
        is_group=True,
        examples=("completion install", "completion install --shell zsh", "completion bash"),
    ),
    Entry("help", "tools", "Help on a command or a topic", _TOOLS),
    Entry("version", "tools", "The version of this program", _TOOLS),
)

INSTANCE = (
    Entry("info", "instance", "What it is, where it is, and where its settings come from", _ONE),
    Entry("stats", "instance", "The queue in numbers", _ONE),
    Entry("connect", "connect", "A Python prompt on it, or a script", _ONE),
    Entry("top", "top", "Watch the queue live, and act on it", _ONE, aliases=("dashboard", "ui")),
    Entry("logs", "logs", "The log of the daemon", _ONE),
    Entry(
        "config",
        "config",
        "Its settings: show, set, bounce, check and path",
        _ONE,
        is_group=True,
        examples=(
            "myserver config show",
            "myserver config set log_level=DEBUG",
        ),
    ),
    Entry("token", "instance", "The admin token", _ONE),
    Entry("rotate-key", "instance", "Encrypt all secrets with a new key", _ONE),
    Entry("allow", "allow", "Let tenants reach hosts or networks of your own", _ONE),
    Entry(
        "command-log",
        "command_log",
        "Who changed what: list, export and purge",
        _ONE,
        is_group=True,
        examples=(
            "myserver command-log list --since 2h",
            "myserver command-log export -o changes.jsonl",
        ),
    ),
    Entry("suspend", "queue", "Stop all sending of this instance", _QUEUE),
    Entry("activate", "queue", "Let it send again", _QUEUE),
    Entry("run-now", "queue", "Look at the queue now", _QUEUE),
    Entry(
        "tenants",
        "tenants",
        "List, add, show, change and delete tenants",
        _ACCOUNTS,
        is_group=True,
        examples=(
            "myserver tenants list",
            "myserver tenants add acme --base-url https://app.example.com",
        ),
    ),
    Entry(
        "reports",
        "reports",
        "List, replay and resume delivery reports",
        _QUEUE,
        is_group=True,
        examples=("myserver reports status", "myserver acme reports replay --since 2h"),
    ),
    Entry(
        "cache",
        "cache",
        "The attachments that were fetched already: stats, clear",
        _ONE,
        is_group=True,
        examples=("myserver cache stats", "myserver cache clear --tenant acme"),
    ),
    Entry(
        "tenant",
        "explicit_tenant",
        "ID: a tenant, also where its id is a command's name",
        _ACCOUNTS,
        True,
    ),
)

TENANT = (
    Entry("info", "tenant", "What is known of the tenant", "This tenant"),
    Entry("key", "tenant", "The tenant's keys, or a new one", "This tenant"),
    Entry("send", "send", "Send a mail file, or a short test mail", _QUEUE),
    Entry("suspend", "tenant_queue", "Hold the tenant's mail, or one batch of it", _QUEUE),
    Entry("activate", "tenant_queue", "Let it go again", _QUEUE),
    Entry("run-now", "tenant_queue", "Look at the tenant's queue now", _QUEUE),
    Entry(
        "messages",
        "messages",
        "List, show, retry and delete messages",
        _QUEUE,
        is_group=True,
        examples=(
            "myserver acme messages list --status deferred,error",
            "myserver acme messages show 2026-1182",
        ),
    ),
    Entry(
        "reports",
        "reports",
        "List, replay and resume its delivery reports",
        _QUEUE,
        is_group=True,
        examples=("myserver acme reports list", "myserver acme reports replay --since 2h"),
    ),
    Entry(
        "suppressions",
        "suppressions",
        "Addresses that get no mail: list, add, remove, export, import",
        _QUEUE,
        is_group=True,
        examples=(
            "myserver acme suppressions add ann@example.org --reason unsubscribed",
            "myserver acme suppressions export > suppressions.csv",
        ),
    ),
    Entry(
        "storage",
        "storage",
        "Test where its large files are kept",
        _ACCOUNTS,
        is_group=True,
        examples=("myserver acme storage test",),
    ),
    Entry(
        "accounts",
        "accounts",
        "List, add, check and delete SMTP accounts",
        _ACCOUNTS,
        is_group=True,
        examples=(
            "myserver acme accounts add main --host smtp.example.com --user me@example.com",
            "myserver acme accounts check main",
        ),
    ),
)

ROOT_WORDS = tuple(word for entry in ROOT for word in entry.words)
INSTANCE_WORDS = tuple(word for entry in INSTANCE for word in entry.words)
TENANT_WORDS = tuple(word for entry in TENANT for word in entry.words)

# Those that take the name of an instance behind them.
BEFORE_NAME = ("start", "stop", "restart", "status", "delete", "backup", "restore", "use", "doctor")
