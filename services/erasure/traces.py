"""What a person is found by in texts and JSON, and blotting it out there."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from models import Erasure
from services.erasure.personal import ERASED

SHORTEST = 4
"""Characters of a name or a user id that is looked for within a text; a shorter one is that person's only where it is all of the text."""


TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
"""A time in JSON names nobody, though the host's id of somebody may be 2026."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The ids, the address and the name of one person."""

    customer_id: str
    external_id: str
    email: str | None = None
    name: str | None = None
    stripe_customer_id: str | None = None

    @classmethod
    def of(cls, row: Erasure) -> "Traces":
        """Of an erasure that is under way."""
        return cls(row.customer_id, str(row.external_id), row.email, row.name, row.stripe_customer_id)

    def named_in(self, text: str) -> bool:
        """Whether a text names the person: whole words of it, whatever their case."""
        words = [word for word in (self.external_id, self.email, self.name, self.stripe_customer_id) if word]
        return any(text == word or (len(word) >= SHORTEST and _within(word, text)) for word in words)

    def blotted(self, text: str | None) -> str | None:
        """The text, or ERASED where it names the person."""
        return ERASED if text is not None and self.named_in(text) else text

    def blotted_json(self, value: Any) -> Any:
        """The same JSON, with ERASED in place of each text that names the person."""
        if isinstance(value, dict):
            return {key: self.blotted_json(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.blotted_json(part) for part in value]
        return self.blotted(value) if isinstance(value, str) and not TIME.fullmatch(value) else value

    def searched(self) -> list[str]:
        """What JSON texts that are about the person hold, each as JSON may write it."""
        words = [self.customer_id, *(word for word in (self.stripe_customer_id, self.email) if word)]
        return sorted({json.dumps(word, ensure_ascii=ascii_only)[1:-1] for word in words for ascii_only in (True, False)})


def wiped(value: Any) -> Any:
    """The same JSON with ERASED in place of every text."""
    if isinstance(value, dict):
        return {key: wiped(part) for key, part in value.items()}
    if isinstance(value, list):
        return [wiped(part) for part in value]
    return ERASED if isinstance(value, str) else value


def digest_of(stripe_id: str) -> str:
    """By what an id of Stripe's is known again that is kept no more, SHA-256 in hex: such ids are too random to be guessed from it."""
    return hashlib.sha256(stripe_id.encode("utf-8", "replace")).hexdigest()


def _within(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
