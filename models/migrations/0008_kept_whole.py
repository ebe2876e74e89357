"""What only grows cannot be replaced either.

SQLite's `INSERT OR REPLACE` deletes without asking the triggers of deletion, so a row that is there already is refused before.
"""

from tortoise import migrations

from models.both_engines import OneEngine

REPLACED = {"audit_entry": ("id",), "credit_entry": ("id", "cause")}
"""Table -> its unique columns."""

KEPT_BY_SQLITE = tuple(
    f'CREATE TRIGGER "{table}_insert" BEFORE INSERT ON "{table}" WHEN '
    + " OR ".join(f'EXISTS (SELECT 1 FROM "{table}" WHERE "{column}" = NEW."{column}")' for column in columns)
    + f" BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
    for table, columns in REPLACED.items()
)


class Migration(migrations.Migration):
    """Creates the triggers."""

    dependencies = [("models", "0007_kept_ledgers")]  # noqa: RUF012 - Tortoise declares it so
    operations = [OneEngine("sqlite", KEPT_BY_SQLITE)]  # noqa: RUF012 - Tortoise declares it so
