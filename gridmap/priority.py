"""The priority groups 重点人群 in words: their titles, and what people write for them in spreadsheets."""

from gridmap.layer import N_

PRIORITY_TITLES = {
    "elderly_alone": N_("Elderly living alone"),
    "child_in_difficulty": N_("Children in difficulty"),
    "pregnant": N_("Pregnant"),
    "dialysis": N_("On dialysis"),
    "chronic": N_("Chronically ill"),
    "disabled": N_("Disabled"),
    "bedridden": N_("In need of care"),
    "infant": N_("Infants"),
    "low_income": N_("Low income"),
}
PRIORITY_SYNONYMS = {
    "elderly_alone": ("独居老人", "空巢老人", "孤寡老人", "独居", "空巢"),
    "child_in_difficulty": ("困难儿童", "困境未成年人", "Child in difficulty"),
    "pregnant": ("孕妇", "产妇", "孕产"),
    "dialysis": ("透析", "血透", "透析患者", "血液透析患者", "Dialysis"),
    "chronic": ("慢性病", "慢病", "基础疾病", "慢性病患者", "基础病患者", "Chronic"),
    "disabled": ("残疾", "残障", "残疾人士", "残障人士"),
    "bedridden": ("卧床", "长期卧床", "失能老人", "失能人员", "卧床老人", "Bedridden"),
    "infant": ("婴儿", "幼儿", "Infant"),
    "low_income": ("低保户", "低保家庭", "低收入"),
}
