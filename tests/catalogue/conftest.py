from tests.reconciliation.conftest import command, world

__all__ = ["command", "world"]
