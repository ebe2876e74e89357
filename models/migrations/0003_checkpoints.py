"""How far a long walk has come. Nothing is rewritten."""

from tortoise import migrations

from models.both_engines import BothEngines

CHANGES = (
    """CREATE TABLE "checkpoint" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "name" VARCHAR(128) NOT NULL UNIQUE,
    "position" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    CHECK (length("name") > 0)
)""",
)


class Migration(migrations.Migration):
    """Creates the table."""

    dependencies = [("models", "0002_disputes_and_promotion_codes")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(CHANGES)]  # noqa: RUF012 - Tortoise declares it so
