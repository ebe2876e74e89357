"""A call and the table of routes that answers it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.transaction import Json, Transaction

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass
class Call:
    """A checked call: the ids of its path and its typed parameters."""

    path: dict[str, str]
    params: Json
    publishable: bool = False

    @property
    def id(self) -> str:
        """Return the id in the call's path."""
        return self.path["id"]

    def given(self, name: str) -> Any:
        """Return a parameter, None when it was not sent or is to be unset."""
        value = self.params.get(name)
        return None if value == "" else value


Handler = Callable[[Transaction, Call], Json]


@dataclass(frozen=True)
class Route:
    """One endpoint of the API. `accepts` is the SDK's params TypedDict; `public` ones also take the publishable key."""

    method: str
    path: str
    handler: Handler
    accepts: Any
    public: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the ids in the path when method and path are this route's, else None."""
        if method != self.method:
            return None
        pattern = _PLACE.sub(r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()
