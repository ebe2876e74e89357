"""Kinds of mails: each has its story in the tests and its line in the documentation."""

import re
from pathlib import Path

from models import OPTIONAL_KINDS, EmailKind
from services.emails.staging import TO_ADMINS, TO_SELLERS

PAGE = Path(__file__).parents[2] / "docs" / "emails.md"
STORIES = Path(__file__).parent / "test_occasions.py"


def test_the_documentation_says_to_whom_each_kind_goes_and_what_can_be_unsubscribed() -> None:
    told = re.findall(r"^\| `([A-Z_]+)` \| (\w+) \| .+ \| (yes )?\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    to = {kind: "administrators" if kind in TO_ADMINS else "seller" if kind in TO_SELLERS else "customer" for kind in EmailKind}
    assert told == [(kind.value, to[kind], "yes " if kind in OPTIONAL_KINDS else "") for kind in EmailKind]


def test_each_kind_comes_of_a_story() -> None:
    text = STORIES.read_text(encoding="utf-8")
    assert [kind for kind in EmailKind if f'("{kind}", ' not in text] == []
