"""Changes to single things of any layer: made, changed, retired and restored from the layer's own declaration.

One thing goes the way of an import of one row (gridmap.exchange), so that a form, the API and a spreadsheet are held to
the same rules and their changes are followed by the same consequences.
"""

from gridmap.editing.changes import Edit, change, create, restore, retire
from gridmap.editing.faults import Gone, Refused, Stale, VersionNeeded

__all__ = ["Edit", "Gone", "Refused", "Stale", "VersionNeeded", "change", "create", "restore", "retire"]
