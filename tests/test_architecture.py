"""What import-linter cannot hold: the modules at the root, and the shape of files and functions."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("commands", "web", "schema", "resolvers", "webhooks", "services", "models", "sandbox")
PRODUCT = {"app", "cli", "settings", *PACKAGES}
SOURCES = sorted([*ROOT.glob("*.py"), *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))])
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def imported(name: str) -> set[str]:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {module.partition(".")[0] for module in found}


def test_settings_import_nothing_of_the_product() -> None:
    assert imported("settings.py") & (PRODUCT | {"stripe"}) == set()


def test_only_the_application_knows_the_sandbox_and_nobody_here_stripe() -> None:
    assert "sandbox" in imported("app.py")
    assert "sandbox" not in imported("cli.py")
    assert "stripe" not in imported("app.py") | imported("cli.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


def lengths() -> dict[str, int]:
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, FUNCTIONS):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                found[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = (body[-1].end_lineno or 0) - body[0].lineno + 1
    return found


def test_functions_are_short() -> None:
    measured = lengths()
    assert {name: length for name, length in measured.items() if length > 40} == {}
    assert median(measured.values()) <= 8
    assert sum(length < 20 for length in measured.values()) >= 0.9 * len(measured)


def test_names_say_what_is_in_them() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
    assert [path for path in SOURCES if vague & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}] == []


def test_packages_say_what_they_are() -> None:
    silent = [path for path in SOURCES if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []
