"""The tax of an invoice that gives money back, as after a change to a cheaper plan, is less than nothing.

SQLite cannot take a CHECK away, so the column is made anew.
"""

from tortoise import migrations

from models.both_engines import OneEngine

TAX_OF_SQLITE = (
    'ALTER TABLE "invoice" ADD COLUMN "signed_tax" BIGINT NOT NULL DEFAULT 0',
    'UPDATE "invoice" SET "signed_tax" = "tax" WHERE "tax" <> 0',
    'ALTER TABLE "invoice" DROP COLUMN "tax"',
    'ALTER TABLE "invoice" RENAME COLUMN "signed_tax" TO "tax"',
)
TAX_OF_POSTGRES = ('ALTER TABLE "invoice" DROP CONSTRAINT "invoice_tax_check"',)


class Migration(migrations.Migration):
    """Lets tax be less than nothing."""

    dependencies = [("models", "0017_retention")]  # noqa: RUF012 - Tortoise declares it so
    operations = [OneEngine("sqlite", TAX_OF_SQLITE), OneEngine("postgres", TAX_OF_POSTGRES)]  # noqa: RUF012 - Tortoise declares it so
