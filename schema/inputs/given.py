"""What every input is."""

from dataclasses import fields

import strawberry


class Given:
    """An input whose fields that were left out are None in Python, yet have no default in the schema."""

    def __post_init__(self) -> None:
        for part in fields(self):  # type: ignore[arg-type] # what strawberry.input makes of a subclass is a dataclass
            if getattr(self, part.name) is strawberry.UNSET:
                setattr(self, part.name, None)
