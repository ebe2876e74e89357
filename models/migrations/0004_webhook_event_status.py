"""An index for events by status, newest first."""

from tortoise import migrations

from models.both_engines import BothEngines

CHANGES = ('CREATE INDEX "webhook_event_status_id" ON "webhook_event" ("status", "id")',)


class Migration(migrations.Migration):
    """Creates the index."""

    dependencies = [("models", "0003_checkpoints")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(CHANGES)]  # noqa: RUF012 - Tortoise declares it so
