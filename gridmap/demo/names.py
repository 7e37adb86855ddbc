"""Names: of streets, communities, estates, people and phones. Plausible Chinese, none of a real person or place."""

import numpy as np

from gridmap.demo.dice import Dice
from gridmap.demo.lattice import RIVER_EVERY

_WORDS = (
    (
        "芳草 翠湖 春晓 金桂 银杏 锦绣 明珠 文昌 永宁 兴业 安康 和顺 福寿 瑞景 祥和 丰泽 泰和 新苗 长青 东篱 百花 望江 临溪 听雨 "
        "観澜 采薇 杏林 桃源 柳岸 梅园 兰亭 竹韵 菊香 荷塘 枫桥 桐荫 松鹤 柏庭 榆钱 槐安 朝阳 晨曦 映月 揽星 流云 飞虹 清泉 石桥 "
        "白鹭 黄鹂 紫燕 青鸟 鸣蝉 锦鲤 鹿鸣 麒麟 凤栖 龙潭 雁鸣 鹤舞 勤俭 团结 友谊 和平 光明 幸福 建设 工农 前进 胜利 向阳 红星 "
        "书香 墨池 学府 育才 崇文 尚德 仁爱 礼贤 信义 智远 聚贤 集英 广济 惠民 乐业 康乐 同心 齐贤 宝塔 钟楼 鼓楼 城隍 水门 北塘 "
        "南浦 西园 东皋 中洲 上塘 下沙 前溪 后港 横泾 直浦 大桥 小河 长堤 短亭 高地 平湖 浅水 深巷 古井 新亭"
    )
    .replace("観", "观")
    .split()
)
_FIRST = "芳翠春金银锦明文永兴安和福瑞祥丰泰长东望临听采桃柳梅兰竹荷枫松朝晨映清白紫青鹿凤龙雁乐康同宝南西北平云星月河"
_SECOND = "华湖泉桥庭林景阳光江溪波澜岚峰坡谷岸洲湾塘港沙石城门台亭阁堂桐桂荣昌盛宁顺德仁义信礼贤才"
_ESTATE_ENDINGS = ("苑", "花园", "新村", "家园", "雅苑", "公寓", "小区", "名邸", "里", "华庭", "嘉园", "坊")
_MAIN_ENDINGS = {0: ("路", "路", "大道"), 1: ("街", "路", "大街")}  # of the north-south and the east-west lines
_RIVER_NAMES = ("示江", "清河", "长浦", "白塘")  # invented, in the order of _RIVERS
_STREETS = 99  # GB/T 10114: 001 to 099 are streets, 100 to 199 towns
_RIVERS = ("滨江", "沿河", "临浦", "傍塘")
_LANE_ENDINGS = ("巷", "弄", "支路", "里弄", "小街")

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟"
_SHORT = 0.22  # share of given names of one character
_GIVEN = (  # of men, of women
    "伟强磊军洋勇涛明超平刚华建国志文海波云飞鹏浩宇辉东立新永康庆丰德仁家乐安林斌峰杰鑫亮成龙泽轩",
    "芳娜敏静丽艳娟秀霞桂英玉兰红梅雪玲丹晨佳怡思琪子涵雨欣梦洁晓慧颖莉萍蓉婷雯倩琳月云淑珍",
)


class Names:
    """Names in a shuffled order of the seed's own; each kind counts on from where it stopped, so none comes twice."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed, 11)
        known = _WORDS[1:]
        made = [a + b for a in _FIRST for b in _SECOND if a != b and a + b not in _WORDS]
        self._streets = dice.shuffled(known) + dice.shuffled(made)
        self._communities = [_WORDS[0], *dice.shuffled(known), *dice.shuffled(made)]
        self._estates = [_WORDS[0], *dice.shuffled(known), *dice.shuffled(made)]
        self._lanes = dice.shuffled(made)
        self._sub_districts = [word for word in dice.shuffled(known) if word != "望江"]
        self._estates_named = self._lanes_named = 0
        self._mains: dict[tuple[int, int], str] = {}

    def community(self, k: int) -> str:
        """Return the name of the k-th community, without its 社区."""
        return self._communities[k % len(self._communities)]

    def park(self, k: int) -> str:
        """Return the name of the k-th park."""
        return self._streets[k % len(self._streets)] + "公园"

    def river(self, column: int) -> str:
        """Return the name of the river in a column of cells."""
        return _RIVER_NAMES[column // RIVER_EVERY % len(_RIVER_NAMES)]

    def sub_district(self, k: int) -> str:
        """Return the name of the k-th sub-district."""
        name = "望江" if k == 0 else self._sub_districts[(k - 1) % len(self._sub_districts)]
        return name + ("街道" if k < _STREETS else "镇")

    def estate(self) -> str:
        """Return the next estate's name."""
        turn, k = divmod(self._estates_named, len(self._estates))
        self._estates_named += 1
        return self._estates[k] + _ESTATE_ENDINGS[(k + turn * 5) % len(_ESTATE_ENDINGS)]

    def lane(self) -> str:
        """Return the next residential street's name."""
        turn, k = divmod(self._lanes_named, len(self._lanes))
        self._lanes_named += 1
        return self._lanes[k] + _LANE_ENDINGS[(k + turn) % len(_LANE_ENDINGS)]

    def main(self, axis: int, line: int, *, is_bank: bool) -> str:
        """Return the name of a main street: `axis` 0 runs north-south, 1 east-west; banks are named after the river."""
        key = (axis, line)
        if key not in self._mains:
            if is_bank:
                self._mains[key] = _RIVERS[line // RIVER_EVERY % len(_RIVERS)] + f"{'东西'[line % 2]}路"
            else:
                endings = _MAIN_ENDINGS[axis]
                k = len(self._mains)
                self._mains[key] = self._streets[k % len(self._streets)] + endings[k % len(endings)]
        return self._mains[key]


def people(dice: Dice, count: int) -> list[str]:
    """Return names of people."""
    family = families(dice, count)
    given = dice.floats(2 * count).reshape(count, 2)
    kinds, is_short = dice.picks(count, (1, 1)), dice.floats(count) < _SHORT
    return _joined(family, given, kinds, is_short)


def families(dice: Dice, count: int) -> np.ndarray:
    """Return family names as indexes; the commonest come first."""
    return (dice.floats(count) ** 1.6 * len(_SURNAMES)).astype(int)


def named(dice: Dice, family: np.ndarray, is_woman: np.ndarray) -> list[str]:
    """Return names of people whose family name and sex are known."""
    given = dice.floats(2 * len(family)).reshape(len(family), 2)
    return _joined(family, given, is_woman.astype(int), dice.floats(len(family)) < _SHORT)


def _joined(family: np.ndarray, given: np.ndarray, kinds: np.ndarray, is_short: np.ndarray) -> list[str]:
    lengths = np.array([len(given_names) for given_names in _GIVEN])
    chosen = (given * lengths[kinds][:, None]).astype(int)
    found = []
    for f, k, short, pair in zip(family.tolist(), kinds.tolist(), is_short.tolist(), chosen.tolist(), strict=True):
        first, second = _GIVEN[k][pair[0]], _GIVEN[k][pair[1]]
        found.append(_SURNAMES[f] + first + ("" if short or first == second else second))
    return found


def phones(dice: Dice, count: int) -> list[str]:
    """Return phone numbers that show they are made up."""
    return [f"199-0000-{number:04d}" for number in (dice.floats(count) * 10_000).astype(int)]


def long_phones(dice: Dice, count: int) -> list[str]:
    """Return phone numbers that show they are made up, of a million different ones."""
    return [f"199-00{number // 10_000:02d}-{number % 10_000:04d}" for number in (dice.floats(count) * 1e6).astype(int)]
