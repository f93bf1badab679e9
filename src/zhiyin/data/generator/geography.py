"""Facts about China's provinces, to be learnt by heart."""

from zhiyin.data.generator.fact import BLANK, Fact, Kind, others

_PROVINCES = """
北京市 - 京|天津市 - 津|上海市 - 沪|重庆市 - 渝|河北省 石家庄 冀|山西省 太原 晋|辽宁省 沈阳 辽|吉林省 长春 吉
黑龙江省 哈尔滨 黑|江苏省 南京 苏|浙江省 杭州 浙|安徽省 合肥 皖|福建省 福州 闽|江西省 南昌 赣|山东省 济南 鲁
河南省 郑州 豫|湖北省 武汉 鄂|湖南省 长沙 湘|广东省 广州 粤|海南省 海口 琼|四川省 成都 川|贵州省 贵阳 黔
云南省 昆明 滇|陕西省 西安 陕|甘肃省 兰州 甘|青海省 西宁 青|台湾省 - 台|内蒙古 呼和浩特 蒙|广西 南宁 桂
西藏 拉萨 藏|宁夏 银川 宁|新疆 乌鲁木齐 新|香港 - 港|澳门 - 澳
"""
"""Name, seat of government and short name of the 34 units; `-` where there is no provincial capital to ask for."""


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this file."""
    return (
        Kind("capital", "省会", tuple(_capitals()), 1.3),
        Kind("abbreviation", "各地的简称", tuple(_abbreviations()), 1.3),
    )


def table(text: str) -> list[list[str]]:
    """Read a table written as `a b|c d`: the rows, each a list of words."""
    return [cell.split() for line in text.split("\n") for cell in line.split("|") if cell.strip()]


def _capitals() -> list[Fact]:
    rows = [(name, seat) for name, seat, _ in table(_PROVINCES) if seat != "-"]
    seats, names = tuple(seat for _, seat in rows), tuple(name for name, _ in rows)
    facts = []
    for name, seat in rows:
        word = "省会" if name.endswith("省") else "首府"
        facts += [
            Fact(
                "capital",
                f"capital/of/{name}",
                f"capital/{name}",
                (
                    f"{name}的{word}是{BLANK}",
                    f"{name}的{word}设在{BLANK}",
                    f"{name}以{BLANK}为{word}",
                    f"{name}{word}：{BLANK}",
                ),
                (f"{name}的{word}是哪里？", f"请问{name}的{word}是哪座城市？", f"{name}的{word}设在哪里？"),
                seat,
                others(seats, seat),
            ),
            Fact(
                "capital",
                f"capital/whose/{seat}",
                f"capital/{name}",
                (f"{seat}是{BLANK}的{word}", f"{seat}这座城市是{BLANK}的{word}", f"{seat}是{BLANK}{word}所在的城市"),
                (f"{seat}是哪里的{word}？", f"请问{seat}这座城市是哪里的{word}？", f"{seat}是什么地方的{word}？"),
                name,
                others(names, name),
            ),
        ]
    return facts


def _abbreviations() -> list[Fact]:
    rows = [(name, short) for name, _, short in table(_PROVINCES)]
    shorts, names = tuple(short for _, short in rows), tuple(name for name, _ in rows)
    facts = []
    for name, short in rows:
        facts += [
            Fact(
                "abbreviation",
                f"abbreviation/of/{name}",
                f"abbreviation/{name}",
                (
                    f"{name}的简称是{BLANK}",
                    f"{name}简称{BLANK}",
                    f"{name}可以简称为{BLANK}",
                    f"说到{name}，常用{BLANK}字代称",
                ),
                (f"{name}的简称是什么？", f"请问{name}的简称是哪个字？", f"{name}简称什么？"),
                short,
                others(shorts, short),
            ),
            Fact(
                "abbreviation",
                f"abbreviation/whose/{short}",
                f"abbreviation/{name}",
                (f"{short}是{BLANK}的简称", f"{short}字是{BLANK}的简称", f"{short}这个简称指的是{BLANK}"),
                (f"{short}是哪里的简称？", f"请问{short}字是哪里的简称？", f"{short}这个简称指的是哪里？"),
                name,
                others(names, name),
            ),
        ]
    return facts
