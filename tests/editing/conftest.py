from pathlib import Path

import pytest

from gridmap import db
from gridmap.vault import open_vault
from tests.conftest import KEYS


@pytest.fixture
def service(district):
    """The same district as the service sees it: under row-level security."""
    made = db.service_engine(district.url.render_as_string(hide_password=False), vault=open_vault(Path(KEYS)))
    yield made
    made.dispose()
