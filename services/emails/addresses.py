"""E-mail addresses: which can be written to, and how the same one is known again."""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import getaddresses

LONGEST = 254
"""Characters of an address (RFC 5321, erratum 1690); its part before the @ has LONGEST_LOCAL at most."""

LONGEST_LOCAL = 64

_LOCAL = re.compile(r"[^\s\\\"(),:;<>@\[\]\x00-\x20\x7f-\xa0.]+(?:\.[^\s\\\"(),:;<>@\[\]\x00-\x20\x7f-\xa0.]+)*")
_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Who stands in a header: a name, which may be empty, and an address."""

    name: str
    address: str

    @property
    def header(self) -> Address:
        """As email.message writes it, encoded and folded as it must be."""
        return Address(self.name, addr_spec=self.address) if self.address.isascii() else Address(self.name, *self.address.rsplit("@", 1))


def is_mailable(address: str | None) -> bool:
    """Whether mail can be sent there: one plain address, of any script, without quotes, comments, white space or control characters."""
    if not address or len(address) > LONGEST or not address.isprintable():
        return False
    local, at, domain = address.rpartition("@")
    if not at or len(local) > LONGEST_LOCAL or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return False
    return ascii_domain(domain) is not None


def ascii_domain(domain: str) -> str | None:
    """The domain as the name system has it; None for one that it cannot have."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def key_of(address: str) -> str:
    """What one address is known again by: mail hosts take no notice of case, in practice."""
    return address.lower()


def mailbox_of(text: str) -> Mailbox:
    """A setting such as `Acme Billing <billing@acme.example>`. ValueError for anything that is not one address with or without a name."""
    (name, address), *others = getaddresses([text]) or [("", "")]
    if others or not text.isprintable() or not is_mailable(address):
        raise ValueError("This is not one address, with or without a name before it.")
    return Mailbox(name, address)
