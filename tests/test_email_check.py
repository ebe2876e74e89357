"""`billgraph emails check` as somebody runs it who changes words and layouts."""

from pathlib import Path

from tests.test_cli import billgraph


def test_ours_are_fine_and_written_to_a_folder(tmp_path: Path) -> None:
    ended = billgraph("emails", "check", "-o", str(tmp_path / "seen"), var=tmp_path / "var", BUSINESS_NAME="Acme School")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"billgraph: 148 e-mails written to {tmp_path / 'seen'}, 0 problems\n"
    written = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert len(written) == 296
    assert written[:2] == ["admin_dispute_closed-1.de.html", "admin_dispute_closed-1.de.txt"]
    assert (tmp_path / "seen" / "welcome-1.fr.txt").read_text(encoding="utf-8").startswith("Bienvenue chez Acme School\n\n")
    assert "Welcome to Acme School</h1>" in (tmp_path / "seen" / "welcome-1.en.html").read_text(encoding="utf-8")


def test_what_is_broken_is_told_by_file_and_line(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "en.toml").write_text('[RECEIPT]\nsubject = "{{ nobody }}"\n', encoding="utf-8")
    (own / "sale.html").write_text("{{ heading }}\n{% endif %}\n", encoding="utf-8")
    ended = billgraph("emails", "check", var=tmp_path / "var", EMAIL_TEMPLATES=str(own))
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        f"{own / 'sale.html'}:2: Encountered unknown tag 'endif'.",
        f"{own / 'en.toml'}:2: 'nobody' is undefined",
    ]
    assert ended.stderr == "billgraph: 142 e-mails written, 2 problems\n"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = billgraph("emails", "check", "-o", str(tmp_path / "file"), var=tmp_path / "var")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"billgraph: {tmp_path / 'file'} cannot be written: File exists\n"
