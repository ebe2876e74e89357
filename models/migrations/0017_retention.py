"""Deleting what is old: the ledgers give it away while a retention run is under way, and what is younger than a year never."""

from tortoise import migrations

from models.both_engines import BothEngines, OneEngine

TABLES = (
    """CREATE TABLE "retention_run" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "books_before" TIMESTAMPTZ,
    "audit_before" TIMESTAMPTZ,
    "counts" JSONB NOT NULL,
    "done_at" TIMESTAMPTZ,
    CHECK ("status" IN ('RUNNING', 'DONE')),
    CHECK (("status" = 'DONE') = ("done_at" IS NOT NULL))
)""",
    'CREATE INDEX "retention_run_status_id" ON "retention_run" ("status", "id")',
)

BEFORE = {"audit_entry": "audit_before", "credit_entry": "books_before"}
"""Ledger -> up to when a run deletes from it."""

RUNNING = """EXISTS (SELECT 1 FROM "retention_run" WHERE "status" = 'RUNNING' AND OLD."created_at" < "retention_run"."{before}")
    AND OLD."created_at" < {year_ago}"""

ON_SQLITE = tuple(
    statement
    for table, before in BEFORE.items()
    for statement in (
        f'DROP TRIGGER "{table}_delete"',
        f"""CREATE TRIGGER "{table}_delete" BEFORE DELETE ON "{table}"
    WHEN NOT ({RUNNING.format(before=before, year_ago="datetime('now', '-1 year')")})
    BEGIN SELECT RAISE(ABORT, '{table} only grows'); END""",
    )
)

ON_POSTGRES = tuple(
    statement
    for table, before in BEFORE.items()
    for statement in (
        f"""CREATE FUNCTION "give_away_{table}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF {RUNNING.format(before=before, year_ago="now() - interval '1 year'")} THEN RETURN OLD; END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$""",
        f'DROP TRIGGER "{table}_kept" ON "{table}"',
        f'CREATE TRIGGER "{table}_kept" BEFORE UPDATE ON "{table}" FOR EACH ROW EXECUTE FUNCTION "keep_{table}"()',
        f'CREATE TRIGGER "{table}_given" BEFORE DELETE ON "{table}" FOR EACH ROW EXECUTE FUNCTION "give_away_{table}"()',
    )
)


class Migration(migrations.Migration):
    """Adds a table, and replaces the triggers of deletion."""

    dependencies = [("models", "0016_erasure")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES), OneEngine("sqlite", ON_SQLITE), OneEngine("postgres", ON_POSTGRES)]  # noqa: RUF012 - Tortoise declares it so
