"""What a written word of a choice means: the stored word, what the screen shows in either language, and synonyms.

The titles are the layer's own, their Chinese the catalogue the screen uses, so a word that is shown is a word that is
taken.
"""

import gettext
import unicodedata
from functools import cache
from pathlib import Path

from gridmap.layer import Field

CATALOGUES = Path(__file__).parent.parent / "translations"
# The first part of a category such as "医疗保健服务;综合医院;三级甲等医院", as map services write it.
CATEGORIES = {
    "医疗保健服务": "clinic",
    "购物服务": "merchant",
    "科教文化服务": "venue",
    "体育休闲服务": "venue",
}
YES = frozenset(("是", "有", "true", "t", "yes", "y", "1", "√", "✓", "对", "在岗"))
NO = frozenset(("否", "无", "false", "f", "no", "n", "0", "×", "✗", "错", "离岗"))


def stored_words(field: Field) -> dict[str, str]:
    """Return which stored word a written word of a field with choices means, written words folded."""
    known = {folded(category): word for category, word in CATEGORIES.items() if word in field.choices}
    for word, title in field.choices.items():
        for written in (word, title, chinese(title), *field.synonyms.get(word, ())):
            known[folded(written)] = word
    return known


def listed(field: Field) -> tuple[str, str]:
    """Return the words of a field for a refusal in English and Chinese: those the screen shows, the stored one beside."""
    shown = (title if folded(title) == word else f"{title} ({word})" for word, title in field.choices.items())
    return ", ".join(shown), "、".join(chinese(title) for title in field.choices.values())


def chinese(title: str) -> str:
    """Return a title in Chinese, as the screen shows it."""
    return _catalogue().gettext(title)


def folded(written: str) -> str:
    """Return a word without case, width and outer spaces."""
    return unicodedata.normalize("NFKC", written).strip().casefold()


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("messages", CATALOGUES, languages=["zh"], fallback=True)
