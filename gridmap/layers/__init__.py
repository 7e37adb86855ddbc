"""The layers gridmap has, in drawing order: the first lies lowest. A new layer adds its folder and one line here."""

from gridmap.layer import Layers
from gridmap.layers import (
    building,
    closure_zone,
    community,
    estate,
    household,
    neighbourhood,
    party_household,
    party_unit,
    resident,
    street,
    supply_point,
    volunteer,
)

LAYERS = Layers(
    (
        estate.LAYER,
        street.LAYER,
        building.LAYER,
        neighbourhood.LAYER,
        community.LAYER,
        party_unit.LAYER,
        closure_zone.LAYER,
        household.LAYER,
        party_household.LAYER,
        volunteer.LAYER,
        supply_point.LAYER,
        resident.LAYER,
    )
)
