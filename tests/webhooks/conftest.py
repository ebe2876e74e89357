from tests.mirror.conftest import billing, ids, shelf, shelf_server

__all__ = ["billing", "ids", "shelf", "shelf_server"]
