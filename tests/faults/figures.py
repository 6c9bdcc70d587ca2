"""What the long tests measured, kept for the table that `make soak` ends with."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_FILE = "MAIL_PROXY_FIGURES"


def record(promise: str, **figures: float | str) -> None:
    """Print the figures of a test, and add them to the file that MAIL_PROXY_FIGURES names."""
    print(promise, figures)
    if path := os.environ.get(_FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps([promise, figures]) + "\n")


def table(path: Path) -> str:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = ["| promise | figures |", "| --- | --- |"]
    for promise, figures in sorted(rows, key=lambda row: str(row[0])):
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
        lines.append(f"| {promise} | {told} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
