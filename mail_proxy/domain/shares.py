"""How much of something that all tenants need one of them may hold: connections, or memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """Of `total` places one tenant has at most half while others wait.

    A tenth, at least one, is kept for tenants that hold none; of a single place nothing is.
    """

    total: int

    @property
    def kept(self) -> int:
        return max(1, self.total // 10) if self.total > 1 else 0

    @property
    def most_of_one(self) -> int:
        """What one tenant may hold while others wait."""
        return max(1, self.total // 2)

    def may_take(self, held: int, in_use: int, *, others_wait: bool) -> bool:
        """A tenant that holds `held` of the `in_use` places may have one more."""
        if held == 0:
            return in_use < self.total
        if others_wait and held >= self.most_of_one:
            return False
        return in_use < self.total - self.kept

    def is_over(self, held: int) -> bool:
        """The tenant is to give something up while others wait."""
        return held > self.most_of_one
