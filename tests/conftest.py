"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A deadline per example measures the machine, not the code: CI shares its cores.
settings.register_profile("scn-loader", deadline=None)
settings.load_profile("scn-loader")


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what loads remember out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
