"""The audit log and the ledger of credits only grow: the database refuses to change or delete what is in them."""

from tortoise import migrations

from models.both_engines import OneEngine

ONLY_GROWING = ("audit_entry", "credit_entry")
KEPT_BY_SQLITE = tuple(
    f'CREATE TRIGGER "{table}_{change.lower()}" BEFORE {change} ON "{table}" BEGIN SELECT RAISE(ABORT, \'{table} only grows\'); END'
    for table in ONLY_GROWING
    for change in ("UPDATE", "DELETE")
)
KEPT_BY_POSTGRES = (
    """CREATE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$""",
    *(
        f'CREATE TRIGGER "{table}_kept" BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"()'
        for table in ONLY_GROWING
    ),
)


class Migration(migrations.Migration):
    """Creates the triggers."""

    dependencies = [("models", "0006_checkout_of_invoices")]  # noqa: RUF012 - Tortoise declares it so
    operations = [OneEngine("sqlite", KEPT_BY_SQLITE), OneEngine("postgres", KEPT_BY_POSTGRES)]  # noqa: RUF012 - Tortoise declares it so
