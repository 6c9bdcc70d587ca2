"""`python -m tests.benchmarks`: the parts of a message's way, each alone, in microseconds.

The whole is measured by `mail-proxy bench` (`make bench`). CPU is of the process with its threads
and varies less than time on a machine that others use too. Nothing here is asserted.
"""

from __future__ import annotations

import argparse
import asyncio

from tests.benchmarks.cost import Cost
from tests.benchmarks.parts import PARTS
from tests.benchmarks.verbs import ACCEPTED_AT_ONCE, verbs


def show(title: str, cost: Cost) -> None:
    print(f"{title:<50} {cost.cpu_us:>8.1f} us CPU {cost.wall_us:>8.1f} us", flush=True)


async def show_verbs(depths: list[int], count: int) -> None:
    async for depth, costs in verbs(depths, count):
        for verb, cost in costs.items():
            show(f"{verb}, {depth:,} queued", cost)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=5000, help="messages for each figure, in hundreds"
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[1000, 100_000])
    given = parser.parse_args()
    count = max(1, given.count // ACCEPTED_AT_ONCE) * ACCEPTED_AT_ONCE
    for title, part in PARTS.items():
        show(title, part(count))
    asyncio.run(show_verbs(sorted(given.depths), count))


if __name__ == "__main__":
    main()
