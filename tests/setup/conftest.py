from tests.sandbox.conftest import serve, served

__all__ = ["serve", "served"]
