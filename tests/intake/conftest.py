import pytest

from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, session_of
from tests.intake.steps import Wizard


@pytest.fixture
def wizard(district, tmp_path):
    """A signed-in commander's way through the pages, the worker's turns included."""
    with app_on(district) as app:
        app.extensions["gridmap"]["settings"] = app.extensions["gridmap"]["settings"].model_copy(
            update={"home": tmp_path / "home"}
        )
        client = client_of(app, session_of(district, ("commander", "310115")))
        yield Wizard(app, client, LAYERS)
