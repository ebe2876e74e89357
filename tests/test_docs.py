"""The documentation says what the code does; `python -m tests.test_docs` writes its tables anew."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from cli import cli
from schema.error_codes import ErrorCode
from services.emails.messages import TELLING
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from services.errors import RefusalCode
from services.mirror import Mirror
from settings import Settings
from tests.deliveries.samples import event_samples
from webhooks.handlers import HANDLERS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").glob("*.md")])


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema's type in words a person sets a variable by."""
    if "anyOf" in schema:
        return type_of(next(option for option in schema["anyOf"] if option.get("type") != "null"))
    if "$ref" in schema:
        return "word"
    if schema["type"] == "array":
        return "list, comma-separated"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}[schema["type"]]


def default_of(value: Any) -> str:
    if value is None or value in ((), []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def configuration_table() -> str:
    properties = Settings.model_json_schema()["properties"]
    rows = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{name.upper()}` | {type_of(properties[name])} | {default_of(field.default)} | {field.description} |")
    return "\n".join(rows)


def commands() -> TyperGroup:
    group = get_command(cli)
    assert isinstance(group, TyperGroup)
    return group


def option_line(option: TyperOption) -> str:
    return f"- `{', '.join(option.opts)}`: {option.help}{' Required.' if option.required else ''}"


def leaves(group: TyperGroup, before: str = "") -> list[tuple[str, Any]]:
    """Every command, those of groups by both names."""
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            found.append((before + name, command))
        found += leaves(command, f"{name} ") if isinstance(command, TyperGroup) else []
    return found


def command_list() -> str:
    parts = []
    for name, command in leaves(commands()):
        options = [option_line(option) for option in command.params if isinstance(option, TyperOption)]
        parts.append("\n".join([f"## billgraph {name}", "", str(command.help), *([""] if options else []), *options]))
    return "\n\n".join(parts)


def event_table() -> str:
    names: dict[Mirror, list[str]] = {}
    for name, handler in HANDLERS.items():
        names.setdefault(handler, []).append(f"`{name}`")
    rows = (f"| {', '.join(named)} | {effect_of(handler)} |" for handler, named in names.items())
    return "\n".join(["| Events | What is done |", "|---|---|", *rows])


def effect_of(handler: Mirror) -> str:
    """The first paragraph of what the handler says of itself."""
    return " ".join((handler.__doc__ or "").partition("\n\n")[0].split())


def email_table() -> str:
    """What sentences of each kind may name, in any of its samples."""
    named: dict[str, list[str]] = {}
    settings = Settings(public_url="https://billing.example", stripe_secret_key="sk_test_1")
    for kind, about in samples(Cast(settings, "en")):
        told = TELLING[kind](voice_of(settings, "en"), about)
        assert told is not None
        known = named.setdefault(kind, [])
        known += [f"`{name}`" for name in told.values if f"`{name}`" not in known]
    return "\n".join(["| Kind | Values |", "|---|---|", *(f"| `{kind}` | {', '.join(known)} |" for kind, known in named.items())])


TABLES = {
    "configuration.md": configuration_table,
    "commands.md": command_list,
    "webhooks.md": event_table,
    "events.md": event_samples,
    "email-templates.md": email_table,
}
FRAME = re.compile(r"(?<=<!-- made -->\n\n).*?(?=\n\n<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("page", sorted(TABLES))
def test_made_parts_are_current(page: str) -> None:
    found = FRAME.findall((DOCS / page).read_text(encoding="utf-8"))
    assert found == [TABLES[page]()], "python -m tests.test_docs writes it anew"


def test_every_error_code_is_explained() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted([*ErrorCode, *RefusalCode])


def dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    listed += [entry for group in project["dependency-groups"].values() for entry in group]
    return sorted({re.split(r"[\[<>=!~; ]", entry)[0] for entry in listed})


def test_every_direct_dependency_has_its_reason() -> None:
    reasons = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "decisions" / "dependencies").glob("*.md")}
    assert sorted(reasons) == dependencies()
    assert [name for name, text in reasons.items() if not text.startswith(f"# {name}\n\n") or len(text) < 80] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_commands_named_in_pages_exist() -> None:
    known = set(commands().commands)
    makes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:`|^|/)billgraph ([a-z]+)", text, re.MULTILINE)) <= known, page
        assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= makes, page


def test_variables_named_in_pages_exist() -> None:
    known = {name.upper() for name in Settings.model_fields}
    for page in (DOCS / "operations.md", ROOT / "README.md", DOCS / "webhooks.md"):
        named = set(re.findall(r"`([A-Z][A-Z_]+_[A-Z_]+)(?:=[^`]*)?`", page.read_text(encoding="utf-8")))
        assert named <= known | set(RefusalCode) | set(ErrorCode), page


def write(name: str) -> None:
    made = TABLES[name]()
    page = DOCS / name
    page.write_text(FRAME.sub(lambda _: made, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for name in TABLES:
        write(name)
