"""Where events may be sent: to public addresses, which are looked up and checked anew for every attempt.

A name may lead elsewhere the next moment: services.deliveries.posting connects to the very address that was checked.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from services.deliveries.names import look_up

MAX_URL = 2048
"""Characters of a URL."""

LEAST_PORT = 1024
WEB_PORTS = frozenset({80, 443})
"""Ports that events are sent to: those of the web, and from the first on."""

UNICAST = IPv6Network("2000::/3")
TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
"""The public addresses of IPv6, and those of them that stand for an address of IPv4 (Teredo, 6to4)."""

SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Addresses of IPv4 for protocols (a cloud has its metadata there) and of relays of 6to4, of which Python calls some global."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?", re.ASCII
)

Address = IPv4Address | IPv6Address


class TargetRefused(Exception):
    """Events are not sent there; the message says why, and names no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart: `path` with its query. `private`: whether its address may be one that is not public."""

    scheme: str
    host: str
    port: int
    path: str
    private: bool

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, private: bool) -> Target:
    """Take a URL apart. Raises TargetRefused for one that is not well-formed or not allowed; its name is not looked up."""
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None or "#" in url or "\\" in url:
        raise TargetRefused("It must be a URL such as https://app.example.com/events, without user information and fragment.")
    scheme, host = found["scheme"], found["host"].strip("[]").lower()
    port = int(found["port"] or {"http": 80, "https": 443}[scheme])
    if scheme != "https" and not private:
        raise TargetRefused("It must begin with https://.")
    if not 0 < port < 65536 or (port not in WEB_PORTS and port < LEAST_PORT):
        raise TargetRefused(f"Its port must be 80, 443, or one from {LEAST_PORT} to 65535.")
    _check_host(host, bracketed=found["host"].startswith("["))
    return Target(scheme, host, port, found["path"] or "/", private)


async def addresses_of(target: Target) -> list[Address]:
    """The addresses that its name leads to now, every one of them allowed. Raises TargetRefused, also for a name that leads nowhere."""
    try:
        found = await look_up(target.host, target.port)
    except (OSError, UnicodeError):
        raise TargetRefused("Its name leads to no address.") from None
    addresses = list(dict.fromkeys(ip_address(one.partition("%")[0]) for one in found))
    if not addresses:
        raise TargetRefused("Its name leads to no address.")
    if not target.private and not all(map(is_public, addresses)):
        raise TargetRefused("It leads to an address that is not public.")
    if target.scheme != "https" and not all(address.is_loopback for address in addresses):
        raise TargetRefused("It must begin with https://: plain http goes to this machine alone.")
    return addresses


def is_public(address: Address) -> bool:
    """Whether anybody may reach it: neither private nor loopback, link-local, shared, reserved, multicast or standing for another."""
    if isinstance(address, IPv6Address):
        return address in UNICAST and not any(address in tunnel for tunnel in TUNNELS) and _is_global(address)
    return _is_global(address) and not any(address in special for special in SPECIAL)


def _is_global(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_private)


def _check_host(host: str, *, bracketed: bool) -> None:
    """Addresses in the one usual form: 127.1, 2130706433, 0x7f.0.0.1 and 0177.0.0.1 are other ways to write a loopback one."""
    last = host.rstrip(".").rpartition(".")[2]
    if not bracketed and not last.isdigit() and not last.startswith("0x"):
        return
    try:
        address = ip_address(host)
    except ValueError:
        raise TargetRefused("Its host is neither a name nor an address in the usual form.") from None
    if bracketed != (address.version == 6):
        raise TargetRefused("Its host is neither a name nor an address in the usual form.")
