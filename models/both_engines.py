"""What a migration is made of: one SQL text for both engines."""

from tortoise.migrations.operations import RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor


class BothEngines(RunSQL):
    """The same statements for both engines; on PostgreSQL ids compare by byte, whatever the database's locale is."""

    async def _run_sql(self, state_editor: BaseSchemaEditor, sqls: tuple[str, ...]) -> None:
        if state_editor.client.capabilities.dialect == "postgres":
            sqls = tuple(sql.replace(" VARCHAR(32)", ' VARCHAR(32) COLLATE "C"') for sql in sqls)
        await super()._run_sql(state_editor, sqls)
