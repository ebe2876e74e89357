"""The language that a customer is written to in."""

from tortoise import migrations

from models.both_engines import BothEngines


class Migration(migrations.Migration):
    """Adds a column."""

    dependencies = [("models", "0013_receipts")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(('ALTER TABLE "customer" ADD COLUMN "locale" VARCHAR(35)',))]  # noqa: RUF012 - Tortoise declares it so
