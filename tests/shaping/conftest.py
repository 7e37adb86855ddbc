from tests.editing.conftest import service  # noqa: F401 - a fixture
