"""One running server for what only looks at pages."""

from collections.abc import Iterator

import pytest

from tests.served import free_port, serving


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("shared") / "var", free_port()) as served:
        yield served.address
