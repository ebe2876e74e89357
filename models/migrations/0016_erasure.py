"""Erasing people: their rows say so, and the ledgers let go of what names a person, and of nothing else, while one is erased."""

from tortoise import migrations

from models.both_engines import BothEngines, OneEngine

TABLES = (
    'ALTER TABLE "customer" ADD COLUMN "erased_at" TIMESTAMPTZ',
    """CREATE TABLE "erasure" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "external_id" VARCHAR(255),
    "email" VARCHAR(320),
    "name" VARCHAR(255),
    "stripe_customer_id" VARCHAR(64),
    "stripe_digest" VARCHAR(64) UNIQUE,
    "position" JSONB NOT NULL,
    "done_at" TIMESTAMPTZ,
    "customer_id" VARCHAR(32) NOT NULL UNIQUE REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK ("status" IN ('PENDING', 'DONE')),
    CHECK (("status" = 'DONE') = ("done_at" IS NOT NULL)),
    CHECK (("status" = 'PENDING') = ("external_id" IS NOT NULL)),
    CHECK ("status" = 'PENDING' OR ("email" IS NULL AND "name" IS NULL AND "stripe_customer_id" IS NULL))
)""",
    'CREATE INDEX "erasure_status_id" ON "erasure" ("status", "id")',
)

ACTOR = """(NEW."actor" = OLD."actor" OR EXISTS (SELECT 1 FROM "erasure" AS "of" JOIN "customer" ON "customer"."id" = "of"."customer_id"
    WHERE "of"."status" = 'PENDING' AND (OLD."actor", NEW."actor") IN (
        ('CUSTOMER:' || "of"."external_id", 'CUSTOMER:' || "customer"."external_id"),
        ('SELLER:' || "of"."external_id", 'SELLER:' || "customer"."external_id"))))"""
"""Who acted is the same, or was a person that is being erased and is now their pseudonym."""

ENTRY_KEPT = f"""NEW."id" = OLD."id" AND NEW."created_at" = OLD."created_at" AND NEW."action" = OLD."action"
    AND NEW."object_id" = OLD."object_id" AND COALESCE(NEW."request_id", '') = COALESCE(OLD."request_id", '') AND {ACTOR}
    AND EXISTS (SELECT 1 FROM "erasure" WHERE "status" = 'PENDING')"""

BOOKING_KEPT = """NEW."id" = OLD."id" AND NEW."created_at" = OLD."created_at" AND NEW."amount" = OLD."amount"
    AND NEW."balance_after" = OLD."balance_after" AND NEW."kind" = OLD."kind" AND COALESCE(NEW."cause", '') = COALESCE(OLD."cause", '')
    AND NEW."customer_id" = OLD."customer_id" AND COALESCE(NEW."payment_id", '') = COALESCE(OLD."payment_id", '')
    AND NEW."description" = '[erased]'
    AND EXISTS (SELECT 1 FROM "erasure" WHERE "status" = 'PENDING' AND "erasure"."customer_id" = OLD."customer_id")"""

ONLY_ERASES_ON_SQLITE = """NOT EXISTS (SELECT 1 FROM json_tree(NEW."changes") AS "now" LEFT JOIN json_tree(OLD."changes") AS "was"
        ON "was"."fullkey" = "now"."fullkey" WHERE "was"."type" IS NOT "now"."type"
        OR ("was"."atom" IS NOT "now"."atom" AND ("now"."type" <> 'text' OR "now"."atom" <> '[erased]')))
    AND (SELECT count(*) FROM json_tree(NEW."changes")) = (SELECT count(*) FROM json_tree(OLD."changes"))"""
"""The same JSON, but that texts in it may have become `[erased]`."""

ON_SQLITE = (
    'DROP TRIGGER "audit_entry_update"',
    f"""CREATE TRIGGER "audit_entry_update" BEFORE UPDATE ON "audit_entry" WHEN NOT ({ENTRY_KEPT} AND {ONLY_ERASES_ON_SQLITE})
    BEGIN SELECT RAISE(ABORT, 'audit_entry only grows'); END""",
    'DROP TRIGGER "credit_entry_update"',
    f"""CREATE TRIGGER "credit_entry_update" BEFORE UPDATE ON "credit_entry" WHEN NOT COALESCE({BOOKING_KEPT}, FALSE)
    BEGIN SELECT RAISE(ABORT, 'credit_entry only grows'); END""",
)

ON_POSTGRES = (
    """CREATE FUNCTION "only_erases"("was" jsonb, "now" jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF "was" = "now" THEN RETURN TRUE; END IF;
    IF jsonb_typeof("was") <> jsonb_typeof("now") THEN RETURN FALSE; END IF;
    CASE jsonb_typeof("was")
    WHEN 'string' THEN RETURN "now" = '"[erased]"'::jsonb;
    WHEN 'object' THEN RETURN (SELECT count(*) FROM jsonb_object_keys("was")) = (SELECT count(*) FROM jsonb_object_keys("now"))
        AND NOT EXISTS (SELECT 1 FROM jsonb_each("was") AS "each" WHERE "now" -> "each"."key" IS NULL
            OR NOT "only_erases"("each"."value", "now" -> "each"."key"));
    WHEN 'array' THEN RETURN jsonb_array_length("was") = jsonb_array_length("now")
        AND NOT EXISTS (SELECT 1 FROM generate_series(0, jsonb_array_length("was") - 1) AS "place"
            WHERE NOT "only_erases"("was" -> "place", "now" -> "place"));
    ELSE RETURN FALSE;
    END CASE; END $$""",
    f"""CREATE FUNCTION "keep_audit_entry"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' AND {ENTRY_KEPT} AND "only_erases"(OLD."changes", NEW."changes") THEN RETURN NEW; END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$""",
    f"""CREATE FUNCTION "keep_credit_entry"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' AND {BOOKING_KEPT} THEN RETURN NEW; END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$""",
    *(
        statement
        for table in ("audit_entry", "credit_entry")
        for statement in (
            f'DROP TRIGGER "{table}_kept" ON "{table}"',
            f'CREATE TRIGGER "{table}_kept" BEFORE UPDATE OR DELETE ON "{table}" FOR EACH ROW EXECUTE FUNCTION "keep_{table}"()',
            f'CREATE TRIGGER "{table}_truncated" BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"()',
        )
    ),
)


class Migration(migrations.Migration):
    """Adds a table and a column with what old rows have in it, and replaces the triggers of 0007 by narrower ones."""

    dependencies = [("models", "0015_emails")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES), OneEngine("sqlite", ON_SQLITE), OneEngine("postgres", ON_POSTGRES)]  # noqa: RUF012 - Tortoise declares it so
