"""Destinations of outgoing events, and the deliveries to them."""

from tortoise import migrations

from models.both_engines import BothEngines

TABLES = (
    """CREATE TABLE "event_destination" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "url" VARCHAR(2048) NOT NULL,
    "event_types" JSONB NOT NULL,
    "active" BOOL NOT NULL,
    "secret" VARCHAR(128),
    "former_secret" VARCHAR(128),
    "former_secret_until" TIMESTAMPTZ,
    "deleted_at" TIMESTAMPTZ,
    CHECK (length("url") > 0),
    CHECK (("secret" IS NULL) = ("deleted_at" IS NOT NULL)),
    CHECK (("former_secret" IS NULL) = ("former_secret_until" IS NULL))
)""",
    'CREATE INDEX "event_destination_deleted_at_id" ON "event_destination" ("deleted_at", "id")',
    """CREATE TABLE "delivery" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "event_id" VARCHAR(32) NOT NULL,
    "event_type" VARCHAR(64) NOT NULL,
    "object_id" VARCHAR(64) NOT NULL,
    "position" BIGINT NOT NULL,
    "cause" VARCHAR(128) UNIQUE,
    "payload" TEXT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "attempts" INT NOT NULL,
    "response_code" INT,
    "error" TEXT,
    "next_attempt_at" TIMESTAMPTZ,
    "delivered_at" TIMESTAMPTZ,
    "destination_id" VARCHAR(32) NOT NULL REFERENCES "event_destination" ("id") ON DELETE RESTRICT,
    "customer_id" VARCHAR(32) REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK ("status" IN ('PENDING', 'DELIVERED', 'FAILED', 'DEAD')),
    CHECK ("position" > 0),
    CHECK ("attempts" >= 0),
    CHECK (("status" IN ('PENDING', 'FAILED')) = ("next_attempt_at" IS NOT NULL)),
    UNIQUE ("destination_id", "event_id"),
    UNIQUE ("object_id", "destination_id", "position")
)""",
    'CREATE INDEX "delivery_destination_id_next_attempt_at" ON "delivery" ("destination_id", "next_attempt_at")',
    'CREATE INDEX "delivery_destination_id_status_id" ON "delivery" ("destination_id", "status", "id")',
    'CREATE INDEX "delivery_destination_id_id" ON "delivery" ("destination_id", "id")',
    """CREATE INDEX "delivery_waiting" ON "delivery" ("object_id", "destination_id", "position")
    WHERE "next_attempt_at" IS NOT NULL""",
    'CREATE INDEX "delivery_status_id" ON "delivery" ("status", "id")',
    'CREATE INDEX "delivery_customer_id_id" ON "delivery" ("customer_id", "id")',
    'CREATE INDEX "delivery_delivered_at" ON "delivery" ("delivered_at")',
)


class Migration(migrations.Migration):
    """Adds two tables."""

    dependencies = [("models", "0011_statistics")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES)]  # noqa: RUF012 - Tortoise declares it so
