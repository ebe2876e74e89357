"""The pages of docs/guides as they are run: their fenced blocks, and which of their operations were asked."""

import re
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def names_in(block: str) -> list[str | None]:
    """The names of a block's operations, None for one that has none."""
    found = [part for part in parse(block).definitions if isinstance(part, OperationDefinitionNode)]
    return [part.name.value if part.name else None for part in found]


class Page:
    """`text_of` gives the very block that an operation stands in, and remembers that it was asked for."""

    def __init__(self, text: str) -> None:
        blocks = FENCED.findall(text)
        self.graphql = [content for language, content in blocks if language == "graphql"]
        self.typescript = "\n".join(content for language, content in blocks if language in {"ts", "tsx"})
        self.python = "\n".join(content for language, content in blocks if language == "python")
        self._blocks: dict[str | None, str] = {name: block for block in self.graphql for name in names_in(block)}
        self._asked: set[str | None] = set()

    @classmethod
    def named(cls, name: str) -> "Page":
        return cls((GUIDES / f"{name}.md").read_text(encoding="utf-8"))

    @property
    def operations(self) -> list[str | None]:
        """As they stand in the page, once for each time."""
        return [name for block in self.graphql for name in names_in(block)]

    @property
    def unasked(self) -> set[str | None]:
        """What the page shows and no story has run."""
        return set(self._blocks) - self._asked

    def text_of(self, operation: str) -> str:
        self._asked.add(operation)
        return self._blocks[operation]

    def terms(self) -> dict[str, Any]:
        """What the page's Python makes: the plans that the host saves once."""
        made: dict[str, Any] = {}
        exec(self.python, made)  # noqa: S102 - the page's own code is what is tested
        return made
