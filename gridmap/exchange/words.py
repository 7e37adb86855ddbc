"""The Chinese words that stand for a stored word in spreadsheets, and the categories of map services."""

from gridmap.hierarchy import PRIORITY_TAGS
from gridmap.layer import Field

PRIORITY_ZH = dict(
    zip(
        PRIORITY_TAGS,
        ("独居老人", "困境儿童", "孕产妇", "透析", "慢性病", "残疾人", "卧床", "婴幼儿", "低保"),
        strict=True,
    )
)
# For a field's choices, by the set of stored words: two fields with the same words mean the same.
CHOICES_ZH: dict[str, tuple[str, ...]] = {
    "general": ("一般网格", "普通网格", "综合网格"),
    "dedicated": ("专属网格",),
    "resident": ("自住", "常住", "居住"),
    "rented": ("出租", "租住", "租赁"),
    "vacant": ("空置", "空关"),
    "shop": ("商铺", "商用", "门面", "底商"),
    "dormitory": ("宿舍", "集体宿舍", "群租"),
    "committee": ("社区党委", "社区党总支", "党委"),
    "branch": ("邻里党支部", "网格党支部", "党支部"),
    "group": ("楼栋党小组", "党小组"),
    "store": ("储备库", "物资储备库", "仓库"),
    "station": ("救援站", "微型消防站", "消防站"),
    "clinic": ("卫生站", "卫生服务站", "诊所"),
    "dropoff": ("固定接收点", "接收点", "投放点"),
    "merchant": ("协议商户", "商户"),
    "venue": ("公共空间", "场馆"),
}
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
    """Return which stored word a written word of a field with choices means, written words in lower case."""
    known = {}
    for word, title in field.choices.items():
        known.update(dict.fromkeys((word, title.casefold(), *CHOICES_ZH.get(word, ())), word))
    known.update({category: word for category, word in CATEGORIES.items() if word in field.choices})
    return known


def priority_tags() -> dict[str, str]:
    """Return which priority tag a written word means."""
    return {**{tag: tag for tag in PRIORITY_TAGS}, **{zh: tag for tag, zh in PRIORITY_ZH.items()}}


def listed(field: Field) -> tuple[str, str]:
    """Return the words a field knows, for a refusal: stored words, and their Chinese."""
    return ", ".join(field.choices), "、".join(CHOICES_ZH.get(word, (word,))[0] for word in field.choices)
