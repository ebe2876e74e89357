"""Names, notes and errors of others stand in e-mails as what they are: text, within their own bounds."""

from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import EmailKind
from services.emails.messages import TELLING, written
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from tests.messages.conftest import AT, SETTINGS, first
from tests.messages.conftest import written as all_of
from tests.messages.test_words import read

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)',
    "template": "{{ 7 * 7 }} {% raw %} {{ house }}",
    "lines": "Ada\r\nBcc: evil@example.test\r\n\r\n<b>body</b>",
    "override": "\u202e0.00$ latoT\u2066",
    "long": "x" * 255,
    "spaces": " \t\u00a0\u2028",
    "nul": "Ada\x00\x1b[2J",
    "surrogate": "Ada\ud800",
    "entity": "&lt;&#x202e;&amp;",
    "empty": "",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
async def test_every_field_of_every_kind_may_hold_anything(name: str) -> None:
    cast = Cast(SETTINGS, "en", name=name, item=name, note=name, at=AT)
    usual = [read(ready.html).links for _, ready in all_of(Cast(SETTINGS, "en", at=AT))]
    for (kind, about), links in zip(samples(cast), usual, strict=True):
        told = TELLING[kind](voice_of(SETTINGS, "en"), about)
        assert told is not None
        message = BytesParser(policy=policy.default).parsebytes((await written(told)).as_bytes())
        assert message.defects == []
        assert message["Bcc"] is None
        assert len(str(message["Subject"])) <= 200
        html, text = (part.get_content() for part in (message.get_body(("html",)), message.get_body(("plain",))) if part)
        for shown in (html, text, str(message["Subject"])):
            assert [letter for letter in shown if letter in "\u202e\u2066\x00\x1b\u2028"] == []
            assert "49 {" not in shown
        assert "<script>alert" not in html
        assert "<b>body" not in html
        assert ' onmouseover="' not in html
        assert read(html).links == links
        assert "\nBcc:" not in text


def test_a_name_is_cut_off_in_a_sentence_and_whole_beside_it() -> None:
    ready = first(Cast(SETTINGS, "en", item="W" * 250, at=AT), "SALE")
    assert ready.subject == f"You sold {'W' * 79}…: $499.00"
    assert f"Item: {'W' * 250}" in ready.text


def test_text_from_right_to_left_turns_nothing_beside_it() -> None:
    name = "\u0645\u062d\u0645\u062f"
    ready = first(Cast(SETTINGS, "en", name=name, item=name, at=AT), "RECEIPT")
    assert f"Hello \u2068{name}\u2069,\n" in ready.text
    assert f"payment of $499.00 for \u2068{name}\u2069." in ready.text


def test_a_language_from_right_to_left_turns_the_page(tmp_path: Path) -> None:
    words = '[TRIAL_ENDING]\nheading = "\u05ea\u05d5\u05d3\u05d4"\n'
    (tmp_path / "he.toml").write_text(words, encoding="utf-8")
    ready = first(Cast(SETTINGS.model_copy(update={"email_templates": tmp_path}), "he", at=AT), "TRIAL_ENDING")
    assert '<html lang="he" dir="rtl">' in ready.html
    assert 'dir="auto" align="right" valign="top" style="padding:8px 0; padding-right:12px;' in ready.html
    assert '<span dir="auto">Acme School \u00b7 1 Main Street \u00b7 10115 Berlin</span></p>' in ready.html
    assert "ends on \u206823 \u05d1\u05e0\u05d5\u05d1\u05de\u05d1\u05e8 2026\u2069." in ready.text


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_leaves_one_subject_line_and_the_same_parts(name: str, item: str) -> None:
    for kind, ready in all_of(Cast(SETTINGS, "de", name=name, item=item, note=item, at=AT)):
        assert "\n" not in ready.subject
        assert "\r" not in ready.subject
        assert 0 < len(ready.subject) <= 200
        assert ready.html.count("<h1") == 1
        assert ready.text.count("\n-- \n") == 1, kind


def test_no_layout_asks_anybody_for_anything() -> None:
    for _, ready in all_of(Cast(SETTINGS, "en", at=AT)):
        for asked in ("<img", "<link", "url(", "@import", "<script", "src="):
            assert asked not in ready.html


def test_all_kinds_are_written() -> None:
    assert {kind for kind, _ in all_of(Cast(SETTINGS, "fr", at=AT))} == set(EmailKind)
