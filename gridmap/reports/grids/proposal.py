"""A proposal: the plan that was found, what is told of it, and the moves a planner makes."""

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import shapely
import sqlalchemy as sa

from gridmap import boundaries
from gridmap.access import Actor
from gridmap.boundaries import Cell
from gridmap.districting import Atoms, Band, atoms_of, cells_of, measure, random_split_quotient, search
from gridmap.districting.cells import in_reading_order
from gridmap.districting.plan import Plan
from gridmap.districting.plane import Plane
from gridmap.districting.search import reaches
from gridmap.errors import Conflict, InvalidInput
from gridmap.reports.grids.question import Prepared
from gridmap.reports.runs import Report, Runs

KEPT = "atoms.json"
DIGITS = 7  # of degrees that are shown, about a centimetre
MOST_MOVES = 2_000


class BreaksContiguity(Conflict):
    """A move would leave a grid in two pieces, or empty, or the atom does not touch the grid it should join."""

    code = "breaks_contiguity"
    title = "A grid must stay one piece"


def build(prepared: Prepared, report: Report, folder: Path) -> dict[str, Any]:
    """Find a plan, keep its atoms in the run's folder, and return the result.

    Returns
    -------
    dict with `part`, the grid of each atom, `moves` made since, `measures` and what the community's size allows.
    """
    band, seed = prepared.question.band, prepared.question.seed
    report(0.0)
    atoms = atoms_of(prepared.area, prepared.footprints, prepared.streets)
    sizes = reaches(atoms, band)
    report(0.2)
    part = in_reading_order(atoms, search(atoms, band, seed=seed, report=lambda share: report(0.2 + 0.7 * share)))
    _keep(folder / KEPT, atoms, prepared)
    return {
        "code": prepared.question.code, "name": prepared.name, "low": band.low, "high": band.high,
        "part": part.tolist(), "moves": [], "accepted": None, "has_streets": bool(prepared.streets),
        "has_hidden": bool(prepared.hidden),
        "reach": {
            "households": sum(size.households for size in sizes), "count": sum(size.count for size in sizes),
            "fewest": sum(size.fewest for size in sizes), "most": sum(size.most for size in sizes),
            "pieces": len(sizes), "too_large": sum(size.too_large for size in sizes),
            "is_possible": all(size.is_possible for size in sizes),
        },
        "random_quotient": random_split_quotient(atoms, band, seed=seed),
        "measures": measured(atoms, band, part),
    }  # fmt: skip


RUNS = Runs("grids", build)


def measured(atoms: Atoms, band: Band, part: np.ndarray) -> dict[str, Any]:
    """Return the figures of a plan as plain values; a grid's label stands where its area is broad."""
    found = measure(atoms, band, part)
    spots = [
        atoms.plane.degrees(shapely.union_all(atoms.shapes[part == number]).representative_point())
        for number in range(len(found.households))
    ]
    buildings = np.bincount(part, [len(codes) for codes in atoms.buildings])
    grids = [
        {
            "number": number + 1, "households": households, "buildings": int(buildings[number]),
            "quotient": round(found.quotients[number], 4), "in_band": band.holds(households),
            "lon": round(spots[number].x, DIGITS), "lat": round(spots[number].y, DIGITS),
        }
        for number, households in enumerate(found.households)
    ]  # fmt: skip
    return {
        "grids": grids, "in_band": found.in_band, "mean_quotient": found.mean_quotient,
        "street_share": found.street_share,
    }  # fmt: skip


def move(result: dict[str, Any], folder: Path, atom: int, to: int) -> None:
    """Move an atom to the grid `to`, counted from 1; the result holds the new figures afterwards.

    Raises
    ------
    InvalidInput for an atom or a grid that does not exist; BreaksContiguity with the reason; Conflict once accepted.
    """
    _require_open(result)
    atoms, names = kept(folder)
    band = Band(result["low"], result["high"])
    part: list[int] = result["part"]
    if not 0 <= atom < len(part):
        raise InvalidInput("There is no such building in this proposal.", where="atom")
    if not 1 <= to <= max(part) + 1:
        raise InvalidInput(f"There is no grid {to} in this proposal.", where="to")
    if len(result["moves"]) >= MOST_MOVES:
        raise Conflict(f"{MOST_MOVES:,} moves were made. Accept, or build anew. 调整次数已达上限。")
    home, target = part[atom], to - 1
    if home == target:
        return
    plan = Plan(atoms, band, part, band.middle)
    called = names.get(str(atom)) or "that ground 该地块"
    if target not in {part[other] for other, _, _ in plan.links[atom]}:
        raise BreaksContiguity(
            f"{called} does not touch grid {to}. Move what lies between first."
            f" {called}与第{to}网格不相邻，请先调整中间的部分。",
            where="to",
        )
    if not plan.hangs_together_without(atom):
        raise BreaksContiguity(
            f"Without {called} grid {home + 1} would fall into pieces, or be empty."
            f" 移走{called}后，第{home + 1}网格将不连续或为空。",
            where="atom",
        )
    part[atom] = target
    result["moves"].append([atom, home])
    result["measures"] = measured(atoms, band, np.array(part))


def undo(result: dict[str, Any], folder: Path) -> None:
    """Take the latest move back; Conflict if there is none."""
    _require_open(result)
    if not result["moves"]:
        raise Conflict("There is no move to take back. 没有可撤销的调整。")
    atom, home = result["moves"].pop()
    result["part"][atom] = home
    atoms, _ = kept(folder)
    result["measures"] = measured(atoms, Band(result["low"], result["high"]), np.array(result["part"]))


def accept(conn: sa.Connection, actor: Actor, result: dict[str, Any], folder: Path, name: str, run: UUID) -> int:
    """Keep the grids as a boundary set that is not in force, and return its number; Conflict once accepted.

    A run makes one set: accepted again after the service ended in between, it is the same.
    """
    _require_open(result)
    cells = [Cell(None, None, shape) for shape in areas(result, folder)]
    source = f"districting {result['low']}-{result['high']}"
    made = boundaries.propose(conn, actor, result["code"], cells, name=name, source=source, run=run)
    result["accepted"] = str(made)
    return made


def areas(result: dict[str, Any], folder: Path) -> list[Any]:
    """Return the area of each grid, polygons in degrees, EPSG:4490, that tile the community."""
    return cells_of(kept(folder)[0], np.array(result["part"]))


def _require_open(result: dict[str, Any]) -> None:
    if result["accepted"]:
        raise Conflict("This proposal was accepted. Build anew to change it. 该方案已采纳，如需修改请重新生成。")


def _keep(path: Path, atoms: Atoms, prepared: Prepared) -> None:
    """Write what the moves and the map need."""
    names = {
        number: "、".join(prepared.names[code] for code in codes)
        for number, codes in enumerate(atoms.buildings)
        if codes
    }
    plane = atoms.plane
    path.write_bytes(
        orjson.dumps(
            {
                "plane": [float(n) for n in (plane.lon, plane.lat, plane.east_m, plane.north_m)],
                "community": shapely.to_wkb(atoms.community, hex=True),
                "shapes": shapely.to_wkb(atoms.shapes, hex=True).tolist(),
                "households": atoms.households.tolist(), "buildings": atoms.buildings, "pairs": atoms.pairs.tolist(),
                "border_m": atoms.border_m.tolist(), "street_m": atoms.street_m.tolist(),
                "outer_m": atoms.outer_m.tolist(), "names": {str(key): name for key, name in names.items()},
                "hidden": [n for n, codes in enumerate(atoms.buildings) if any(c in prepared.hidden for c in codes)],
                "walls": [
                    shapely.to_wkb(one.shape, hex=True) for one in prepared.footprints
                ],
            }
        )
    )  # fmt: skip


def kept(folder: Path) -> tuple[Atoms, dict[str, str]]:
    """Return the atoms of a run, and the names of their buildings by number."""
    told = told_of(folder)
    atoms = Atoms(
        Plane(*told["plane"]), shapely.from_wkb(told["community"]), shapely.from_wkb(np.array(told["shapes"], object)),
        np.array(told["households"], np.int64), [tuple(codes) for codes in told["buildings"]],
        np.array(told["pairs"], np.int64).reshape(-1, 2), np.array(told["border_m"], float),
        np.array(told["street_m"], float), np.array(told["outer_m"], float),
    )  # fmt: skip
    return atoms, told["names"]


def told_of(folder: Path) -> dict[str, Any]:
    """Return what is kept of a run's atoms as it was written."""
    found: dict[str, Any] = orjson.loads((folder / KEPT).read_bytes())
    return found


def features(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the atoms as a GeoJSON FeatureCollection: number, grid, name, households (null where hidden), neighbours."""
    atoms, names = kept(folder)
    withheld = set(told_of(folder)["hidden"])
    shapes = shapely.set_precision(atoms.plane.degrees(atoms.shapes), 10**-DIGITS, mode="pointwise")
    items = []
    for number, shape in enumerate(shapes):
        households = None if number in withheld else int(atoms.households[number])
        facts = {
            "atom": number, "name": names.get(str(number), ""), "households": households,
            "beside": sorted({other for other, _, _ in atoms.neighbours[number]}),
        }  # fmt: skip
        items.append({"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": facts})
    return {"type": "FeatureCollection", "features": items, "part": result["part"]}


def outlines(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the grids as a GeoJSON FeatureCollection: number and households."""
    grids = result["measures"]["grids"]
    items = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shape),
            "properties": {"number": grid["number"], "households": grid["households"]},
        }
        for grid, shape in zip(grids, areas(result, folder), strict=True)
    ]
    return {"type": "FeatureCollection", "features": items}
