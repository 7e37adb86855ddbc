"""Loading the demo: everything through every constraint, or nothing."""

import pytest
import sqlalchemy as sa

from gridmap import demo, hierarchy
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.demo import loading
from gridmap.errors import Conflict, InvalidInput, NotAllowed
from gridmap.layers import LAYERS
from gridmap.layers.closure_zone import in_force
from gridmap.layers.supply_point import stock_count

HOUSEHOLDS = 1_000


def counts(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as conn:
        return {
            table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in loading.ORDER
        }


def test_the_demo_passes_every_constraint_once_and_is_refused_a_second_time(empty_database):
    told = []
    done = demo.load(empty_database, LOCAL, households=HOUSEHOLDS, progress=lambda *numbers: told.append(numbers))
    loaded = counts(empty_database)
    assert loaded["household"] == done == pytest.approx(HOUSEHOLDS, rel=0.05)
    assert all(loaded.values())
    assert told[-1] == (HOUSEHOLDS, HOUSEHOLDS)
    with pytest.raises(Conflict, match="communities already"):
        demo.load(empty_database, LOCAL, households=HOUSEHOLDS)
    assert counts(empty_database) == loaded


def test_rows_say_who_made_them_and_the_change_log_has_them(empty_database):
    demo.load(empty_database, acting("tester", None, ("",)), households=HOUSEHOLDS)
    with empty_database.connect() as conn:
        for layer in LAYERS.values():
            table = layer.table
            made = conn.execute(sa.select(table.c.changed_by, table.c.source, table.c.source_key).distinct()).all()
            assert made == [("tester", "gridmap demo", None)]
        logged = conn.execute(sa.text("SELECT sum(rows) FROM change_log WHERE layer = 'building'")).scalar_one()
    assert logged == counts(empty_database)["building"]


def test_zones_are_in_force_and_counts_recent_on_the_day_of_loading(empty_database):
    demo.load(empty_database, LOCAL, households=HOUSEHOLDS)
    with empty_database.connect() as conn:
        zone = LAYERS["closure_zone"].table
        assert sorted(conn.scalars(sa.select(zone.c.type).where(in_force(sa.func.now())))) == [
            "control",
            "lockdown",
            "prevention",
        ]
        age = conn.execute(sa.select(sa.func.current_date() - sa.func.max(stock_count.c.counted_on))).scalar_one()
    assert 0 <= age <= 45


def test_a_load_that_fails_leaves_nothing_behind(empty_database, monkeypatch):
    def broken(*args, **options):
        yield from list(demo.generate(HOUSEHOLDS))
        raise InvalidInput("The generator broke.")

    monkeypatch.setattr(loading, "generate", broken)
    with pytest.raises(InvalidInput):
        demo.load(empty_database, LOCAL, households=HOUSEHOLDS)
    assert not any(counts(empty_database).values())


def test_a_row_the_database_refuses_is_told_as_our_error(empty_database, monkeypatch):
    def twice(*args, **options):
        batches = list(demo.generate(HOUSEHOLDS))
        yield from batches
        yield next(batch for batch in batches if batch.table is hierarchy.estate)
        yield next(batch for batch in batches if batch.table is hierarchy.household)

    monkeypatch.setattr(loading, "generate", twice)
    with pytest.raises(Conflict):
        demo.load(empty_database, LOCAL, households=HOUSEHOLDS)
    assert not any(counts(empty_database).values())


def test_only_who_may_load_the_demo_loads_it(empty_database):
    with pytest.raises(NotAllowed):
        demo.load(empty_database, acting("reader", frozenset({"building.view"}), ("",)), households=HOUSEHOLDS)


def test_the_newcomers_district_has_the_usual_size_and_says_so(empty_database):
    lines: list[str] = []
    done = demo.load_sample(empty_database, lines.append)
    assert done == pytest.approx(demo.DEFAULT_HOUSEHOLDS, rel=0.02)
    assert f"{done:,}" in lines[-1]
    with transaction(empty_database, LOCAL) as conn:
        assert not hierarchy.is_empty(conn)
