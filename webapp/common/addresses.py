"""
Which addresses a request that leaves Hartley may go to. Pure: it resolves nothing and connects to nothing.

Refused is what reaches this machine, its networks or the cloud's own services, and every way of writing an address that
two programs could read differently. workers/toolbox/egress.py holds connections to it; forms use it to tell early.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from webapp.common.errors import HartleyError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_CHARS = 2000
HOST_CHARS = 253
PLAIN = re.compile(r"[!-~]+")  # printable ASCII: no spaces, no controls, no letters that only look like others
ODD = re.compile(r'[\\"<>^`{|}]')
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
DEFAULT_PORTS = {"http": 80, "https": 443}
INNER_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")

# IANA's registries of special-purpose addresses, and two that clouds use for themselves. Listed, as what Python's
# ipaddress calls global differs between its releases.
INNER_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "168.63.129.16/32",  # Azure's services for its machines, on an address that is otherwise public
        ),
    )
)  # fmt: skip
GLOBAL_6 = IPv6Network("2000::/3")  # all that is given out; mapped IPv4, NAT64, local and multicast lie outside
INNER_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, ORCHID, benchmarks
            "2001:db8::/32", "2002::/16",  # documentation; 6to4
            "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip


class AddressRefused(HartleyError):
    """A request may not go there. The message names the rule, and never more of the address than its host and port."""

    code = "address.refused"
    status = 400


@dataclass(frozen=True)
class Target:
    """A checked address in its parts, which nothing parses again. `host` is a name in lower case, or an address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Reach:
    """
    How far requests may go.

    Attributes:
        ports: that may be named.
        plain_http: http is taken as well as https.
        hosts: inner names that may be reached whatever they resolve to.
        networks: inner addresses that may be reached.
    """

    ports: frozenset[int]
    plain_http: bool = False
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, *, ports: Iterable[int], plain_http: bool, allow: Iterable[str]) -> Reach:
        """
        Args:
            allow: names, addresses and networks such as `10.1.0.0/16`.
        Raises:
            ValueError: an entry is none of them.
        """
        hosts, networks = set(), []
        for entry in allow:
            if "/" in entry or ":" in entry or NUMBER.fullmatch(entry.lower().rpartition(".")[2]):
                networks.append(ip_network(entry))
            elif _is_name(entry.lower()):
                hosts.add(entry.lower())
            else:
                raise ValueError(f"{entry!r} is neither a name nor an address nor a network")
        return cls(frozenset(ports), plain_http, frozenset(hosts), tuple(networks))

    def target(self, url: str) -> Target:
        """
        Raises:
            AddressRefused: it may not be asked, or not in this form. A name's addresses are not known yet.
        """
        if not isinstance(url, str) or not 0 < len(url) <= URL_CHARS or not PLAIN.fullmatch(url) or ODD.search(url):
            raise AddressRefused(
                f"The address must be 1 to {URL_CHARS} printable ASCII characters; write other letters of a name as xn--…"
            )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressRefused("The address is not well formed") from None
        if parts.scheme not in (("https", "http") if self.plain_http else ("https",)):
            raise AddressRefused(f"The address must begin with https://{' or http://' if self.plain_http else ''}")
        if "@" in parts.netloc:
            raise AddressRefused("The address must hold no name and password")
        if "#" in url:
            raise AddressRefused("The address must have no part after #")
        found = Target(
            parts.scheme,
            self._host(parts.netloc),
            DEFAULT_PORTS[parts.scheme] if port is None else port,
            f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
        )
        if found.port not in self.ports:
            allowed = ", ".join(map(str, sorted(self.ports)))
            raise AddressRefused(f"Port {found.port} may not be asked; allowed: {allowed}")
        return found

    def check(self, host: str, addresses: Iterable[str]) -> list[str]:
        """
        The addresses that the host has, when all of them may be reached: one that may not spoils the others, since a
        name that points inside as well as outside is made to deceive.

        Raises:
            AddressRefused
        """
        found = [ip_address(address) for address in addresses]
        if not found:
            raise AddressRefused(f"{host} has no address")
        if host not in self.hosts and not all(map(self._reachable, found)):
            raise AddressRefused(f"{host} is, or leads to, an address that is not public")
        return [str(address) for address in found]

    def _host(self, netloc: str) -> str:
        if netloc.startswith("["):
            host, _, after = netloc[1:].partition("]")
            if after and not after.startswith(":"):
                raise AddressRefused("The address is not well formed")
            return self._literal(host)
        host = netloc.partition(":")[0].lower()
        if NUMBER.fullmatch(host.rpartition(".")[2]):  # every reader takes this for an IPv4 address
            return self._literal(host)
        if not _is_name(host):
            raise AddressRefused("The address must name a host: letters, digits, dashes and dots, none at the end")
        inner = "." not in host or any(host == name or host.endswith(f".{name}") for name in INNER_NAMES)
        if inner and host not in self.hosts:
            raise AddressRefused(f"{host} is a name of an inner network")
        return host

    def _literal(self, host: str) -> str:
        try:
            address = ip_address(host)  # takes no short, octal, hexadecimal or whole-number forms
        except ValueError:
            raise AddressRefused("An IP address must be written in full: four decimal numbers, or IPv6") from None
        if isinstance(address, IPv6Address) and address.scope_id:
            raise AddressRefused("An IP address must have no zone")
        return self.check(str(address), [str(address)])[0]

    def _reachable(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether it belongs to the internet at large; IPv6 forms that carry an IPv4 address do not."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in INNER_4)
    return address in GLOBAL_6 and address.scope_id is None and not any(address in network for network in INNER_6)


def _is_name(host: str) -> bool:
    return len(host) <= HOST_CHARS and all(LABEL.fullmatch(label) for label in host.split("."))
