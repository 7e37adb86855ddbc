"""Walkable ways of an OpenStreetMap extract, read in two passes that keep two numbers a vertex."""

from array import array
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import osmium

from gridmap.errors import InvalidInput
from gridmap.streets.network import Network, assemble

Progress = Callable[[str, int], None]
NOT_WALKED = frozenset({
    "motorway", "motorway_link", "construction", "proposed", "planned", "abandoned", "razed", "raceway", "bus_guideway",
    "busway", "escape", "no", "rest_area", "services", "corridor_planned", "emergency_bay", "elevator_planned",
})  # fmt: skip
ONLY_IF_SAID = frozenset({"trunk", "trunk_link"})  # roads people walk along only where it is mapped that they may
ALLOWED = frozenset({"yes", "designated", "permissive", "destination", "official"})
FORBIDDEN = frozenset({"no", "private", "use_sidepath"})
TOLD_EVERY = 10_000


def is_walkable(tags: Mapping[str, str]) -> bool:
    """Return whether people on foot may use a way, by its tags (highway, foot, access, sidewalk).

    What is private to cars is open to its residents and is kept; only foot=no|private and access=no close a way.
    """
    highway, foot = tags.get("highway"), tags.get("foot")
    if highway is None or highway in NOT_WALKED or foot in FORBIDDEN:
        return False
    if foot in ALLOWED:
        return True
    if highway in ONLY_IF_SAID:
        return tags.get("sidewalk", "none") in ("both", "left", "right", "yes")
    return tags.get("access") != "no"


def read(path: Path, progress: Progress = lambda stage, done: None) -> Network:
    """Return the network of a .osm.pbf or .osm file; ways meet at the nodes they share, so bridges do not.

    Raises
    ------
    InvalidInput for a file that is not OpenStreetMap's or holds no walkable way.
    """
    try:
        refs, begins = _ways(path, progress)
        if len(begins) < 2:
            raise InvalidInput("There is no walkable street in this file.", where="file")
        wanted, inverse = np.unique(refs, return_inverse=True)
        positions = _positions(path, wanted, progress)
    except (RuntimeError, osmium.InvalidLocationError, ValueError) as exc:
        raise InvalidInput(f"{path.name} cannot be read as OpenStreetMap data: {str(exc)[:200]}", where="file") from exc
    return _known_only(inverse.ravel().astype(np.int64), positions, begins)


def _ways(path: Path, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    refs, begins, seen = array("q"), array("q", [0]), 0
    for way in osmium.FileProcessor(str(path), osmium.osm.WAY).with_filter(osmium.filter.KeyFilter("highway")):
        if not isinstance(way, osmium.osm.Way) or len(way.nodes) < 2:
            continue
        if not is_walkable({tag.k: tag.v for tag in way.tags}):
            continue
        refs.extend(node.ref for node in way.nodes)
        begins.append(len(refs))
        seen += 1
        if seen % TOLD_EVERY == 0:
            progress("ways", seen)
    progress("ways", seen)
    return np.frombuffer(refs, np.int64) if refs else np.zeros(0, np.int64), np.frombuffer(begins, np.int64)


def _positions(path: Path, wanted: np.ndarray, progress: Progress) -> np.ndarray:
    """Return where the wanted nodes lie, in their order; NaN for those the extract cut off."""
    found = np.full((len(wanted), 2), np.nan)
    nodes = osmium.FileProcessor(str(path), osmium.osm.NODE).with_filter(osmium.filter.IdFilter(wanted.tolist()))
    done = 0
    for node in nodes:
        if not isinstance(node, osmium.osm.Node):
            continue
        place = int(np.searchsorted(wanted, node.id))
        found[place] = node.location.lon, node.location.lat
        done += 1
        if done % (TOLD_EVERY * 10) == 0:
            progress("nodes", done)
    progress("nodes", done)
    return found


def _known_only(ids: np.ndarray, positions: np.ndarray, begins: np.ndarray) -> Network:
    """Return the network without the vertices the extract left out: a way that leaves it and returns is two."""
    known = ~np.isnan(positions[ids, 0])
    run = np.repeat(np.arange(len(begins) - 1), np.diff(begins)) * 1.0
    run = np.cumsum((np.diff(run, prepend=-1) > 0) | (np.diff(known.astype(int), prepend=1) > 0))[known]
    ids = ids[known]
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    return assemble(ids, np.nan_to_num(positions), np.append(starts, len(ids)).astype(np.int64))
