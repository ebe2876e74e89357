"""Statistics: changes of sums, and sums by day. What is in the tables already is counted by the worker, in the configured time zone."""

from tortoise import migrations

from models.both_engines import BothEngines

TABLES = (
    """CREATE TABLE "statistics_delta" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "minute" BIGINT NOT NULL,
    "seller_key" VARCHAR(32) NOT NULL,
    "measure" VARCHAR(16) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "detail" VARCHAR(128) NOT NULL,
    "number" BIGINT NOT NULL,
    "amount" BIGINT NOT NULL,
    CHECK ("measure" IN ('SUCCEEDED', 'FAILED', 'WAITED', 'REFUNDED', 'LOST', 'STARTED', 'ENDED', 'RECURRING', 'WEBHOOK'))
)""",
    """CREATE TABLE "statistics_rollup" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "day" VARCHAR(10) NOT NULL,
    "seller_key" VARCHAR(32) NOT NULL,
    "measure" VARCHAR(16) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "detail" VARCHAR(128) NOT NULL,
    "number" BIGINT NOT NULL,
    "amount" BIGINT NOT NULL,
    CHECK (length("day") = 10),
    CHECK ("measure" IN ('SUCCEEDED', 'FAILED', 'WAITED', 'REFUNDED', 'LOST', 'STARTED', 'ENDED', 'RECURRING', 'WEBHOOK')),
    UNIQUE ("seller_key", "measure", "day", "currency", "detail")
)""",
)


class Migration(migrations.Migration):
    """Creates the tables."""

    dependencies = [("models", "0010_subscription_changes")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES)]  # noqa: RUF012 - Tortoise declares it so
