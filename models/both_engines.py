"""What a migration is made of: one SQL text for both engines, or for one where they cannot do the same."""

from tortoise.migrations.operations import RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor


class BothEngines(RunSQL):
    """The same statements for both engines; on PostgreSQL ids compare by byte, whatever the database's locale is."""

    async def _run_sql(self, state_editor: BaseSchemaEditor, sqls: tuple[str, ...]) -> None:
        """Each text is one statement: Tortoise would take one with a semicolon in it, such as a trigger, for several."""
        if state_editor.client.capabilities.dialect == "postgres":
            sqls = tuple(sql.replace(" VARCHAR(32)", ' VARCHAR(32) COLLATE "C"') for sql in sqls)
        for sql in sqls:
            await state_editor.client.execute_query(sql)


class OneEngine(BothEngines):
    """Statements for the engine of this dialect, `sqlite` or `postgres`, alone."""

    def __init__(self, dialect: str, sqls: tuple[str, ...]) -> None:
        super().__init__(sqls)
        self._dialect = dialect

    async def _run_sql(self, state_editor: BaseSchemaEditor, sqls: tuple[str, ...]) -> None:
        if state_editor.client.capabilities.dialect == self._dialect:
            await super()._run_sql(state_editor, sqls)
