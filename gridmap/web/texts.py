"""The texts our scripts show, in the reader's language. `{name}` is filled by the script."""

from collections.abc import Mapping

from flask_babel import gettext

from gridmap.layer import N_

_TEXTS: Mapping[str, str] = {
    "layers": N_("Layers"),
    "locate": N_("Where am I"),
    "noLocation": N_("Your position could not be found. Allow this page to see it, or go closer to a window."),
    "closerIn": N_("Closer"),
    "furtherOut": N_("Further out"),
    "fullscreen": N_("Full screen"),
    "leaveFullscreen": N_("Leave full screen"),
    "inView": N_("{n} in view"),
    "closer": N_("zoom in to see"),
    "showDrafts": N_("Not in force: drafts and proposals"),
    "notInForce": N_("Not in force"),
    "until": N_("until {when}"),
    "openEnded": N_("no end set"),
    "km": N_("{km} km"),
    "m": N_("{m} m"),
    "under5m": N_("under 5 m"),
    "nothingFound": N_("Nothing found for '{q}'. Try a shorter name or a code."),
    "asking": N_("Asking ..."),
    "retry": N_("Try again"),
    "copied": N_("Copied: {words}"),
    "unreachable": N_("The service cannot be reached. Check the connection, then try again."),
    "busy": N_("The database is not answering. Try again in a moment."),
    "gone": N_("There is nothing here under this code. It may have been retired."),
    "forbidden": N_("This lies outside what you may see or do."),
    "unusable": N_("The address holds a value that cannot be used."),
    "noPosition": N_("The address names no position. A position is longitude,latitude in degrees, such as 120.6,30.9."),
    "fault": N_("This is a fault of gridmap. It was written to the log."),
    "dataOf": N_("Data of {time}"),
    "minutesOld": N_("{n} minutes old"),
    "hoursOld": N_("over {n} h old"),
    "cancel": N_("Cancel"),
    "revealReason": N_("Reason (at least 4 characters)"),
    "revealTask": N_("Task, if there is one"),
    "revealKept": N_("Who looked, when and why is kept, and the person may ask for it."),
    "showMinute": N_("Show for a minute"),
    "hideNow": N_("Hide now"),
    "hiddenIn": N_("Hidden again in {n} s"),
    "findPersons": N_("Find persons: {q}"),
    "persons": N_("Persons"),
    "noPersons": N_("No person found for this in your area."),
    "personsBounded": N_("Only the nearest 2,000 persons were looked through, and at most 20 are shown."),
    "raise": N_("Show more"),
    "lower": N_("Show less"),
}


def texts() -> dict[str, str]:
    """Return every text by its key."""
    return {key: gettext(message) for key, message in _TEXTS.items()}
