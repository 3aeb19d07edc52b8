from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.conftest import server_environment
from tests.gateway.stage import Gateway, Script, demo_models, prepared, scripted_model

# How long an example takes says more about the machine than about what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The address of the demo's models."""
    with demo_models() as address:
        yield address


@pytest.fixture(scope="session")
def _script() -> Iterator[Script]:
    with scripted_model() as script:
        yield script


@pytest.fixture(scope="session")
def scripted(_script: Script) -> str:
    """Its address."""
    return _script.address


@pytest.fixture
def script(_script: Script) -> Script:
    """The model `scripted` of `gateway`. It has not been asked anything yet."""
    _script.asked.clear()
    _script.says(b"{}")
    return _script


@pytest.fixture(scope="session")
def gateway(demo: str, _script: Script, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that nothing happens to, for all tests that need no other."""
    made = prepared(server_environment(tmp_path_factory.mktemp("gateway")), demo, _script.address)
    with made.process.running():
        yield made


@pytest.fixture(scope="module")
def own_gateway(demo: str, _script: Script, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One whose server a module may end and start again; it is not running yet."""
    made = prepared(server_environment(tmp_path_factory.mktemp("own")), demo, _script.address)
    yield made
    made.process.end()
