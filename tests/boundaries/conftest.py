from tests.editing.conftest import service  # noqa: F401 - a fixture
from tests.exchange.conftest import district  # noqa: F401 - a fixture
