"""Pages hold what can be run: every operation has a name of its own, is valid, is used by the page's code, and is told in a story."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from schema.schema import schema
from tests.guides.page import GUIDES, Page

STORIES = sorted(path.stem for path in GUIDES.glob("*.md") if path.stem != "README")


def test_every_page_has_its_story() -> None:
    told = [path.stem.removeprefix("test_").replace("_", "-") for path in Path(__file__).parent.glob("test_*.py")]
    assert sorted(set(told) - {"pages"}) == STORIES
    listed = re.findall(r"\]\(([a-z-]+)\.md\)", (GUIDES / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == STORIES


@pytest.mark.parametrize("name", [*STORIES, "README"])
def test_operations_have_names_of_their_own_and_are_valid(name: str) -> None:
    page = Page.named(name)
    assert None not in page.operations
    assert len(page.operations) == len(set(page.operations))
    assert [error for block in page.graphql for error in validate(schema._schema, parse(block))] == []


@pytest.mark.parametrize("name", STORIES)
def test_the_pages_code_uses_every_operation_by_its_name(name: str) -> None:
    page = Page.named(name)
    assert page.operations
    unused = [operation for operation in page.operations if len(re.findall(rf"\b{operation}\b", page.typescript)) < 2]
    assert unused == [], "imported and used"
    imported = [word for line in re.findall(r"import \{([^}]*)\} from \"\./[\w-]+\.graphql\"", page.typescript) for word in line.split(",")]
    assert sorted(word.strip() for word in imported if word.strip()) == sorted(str(operation) for operation in page.operations)


@pytest.mark.parametrize("name", STORIES)
def test_pages_are_short(name: str) -> None:
    assert 60 <= len((GUIDES / f"{name}.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_a_block_that_no_story_runs_is_found() -> None:
    blocks = [f"```graphql\nquery {name} {{\n  config {{ enabled }}\n}}\n```\n" for name in ("Told", "Forgotten")]
    page = Page("# A page\n\n" + "\n".join(blocks))
    assert page.text_of("Told") == "query Told {\n  config { enabled }\n}\n"
    assert page.unasked == {"Forgotten"}
