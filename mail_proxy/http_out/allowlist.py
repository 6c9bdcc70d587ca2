"""What of our own network tenants may reach all the same: the instance's `allowed_networks`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self

from mail_proxy.domain.command_line import by_id, command_line

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SETTING = "allowed_networks (GMP_ALLOWED_NETWORKS)"


@dataclass(frozen=True, slots=True)
class AllowList:
    """Networks, and host names that may lead anywhere.

    hosts: in lower case, without a final dot. instance: its name, for the command in refusals.
    """

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    instance: str = "NAME"

    @classmethod
    def of(cls, entries: Iterable[str], *, instance: str = "NAME") -> Self:
        """From the setting: each entry is an address, a network or a host name."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                hosts.add(_plain(entry))
        return cls(tuple(networks), frozenset(hosts), instance)

    def has(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def has_host(self, host: str) -> bool:
        return _plain(host) in self.hosts

    def command(self, host: str) -> str:
        """What the administrator runs to allow a host."""
        return command_line(self.instance, "allow", *by_id(host))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


NOTHING = AllowList()
