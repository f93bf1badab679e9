"""Facts about the language: measure words, opposites, idioms and parallel phrases."""

from zhiyin.data.generator.fact import BLANK, Fact, Kind, others
from zhiyin.data.generator.geography import table

_MEASURES = """
本 书 字典 小说 杂志 日记|张 桌子 照片 地图 床 邮票 车票|条 河 裤子 围巾 毛巾 裙子|只 鸡 鸟 兔子 猫 羊 鸭子
头 牛 大象 狮子|匹 马 骆驼|辆 汽车 自行车 卡车 摩托车|把 椅子 伞 剪刀 钥匙 刀 扇子|件 衣服 毛衣 衬衫 行李 礼物
座 山 桥 塔 城市 岛|朵 云 玫瑰 荷花 菊花|棵 树 白菜 松树 草|支 铅笔 毛笔 蜡烛|双 筷子 鞋 袜子 手套
台 电脑 电视机 洗衣机|间 教室 卧室 办公室|首 诗 歌 曲子|架 飞机 钢琴 直升机|艘 轮船 军舰 货轮|封 信 电报
盏 灯 台灯 路灯|顶 帽子 帐篷 轿子|口 井 锅 大钟|面 镜子 国旗 鼓 墙|扇 门 窗户|粒 米 种子 沙子|滴 水 眼泪
家 商店 医院 公司 银行|幅 画 油画|场 雨 比赛 电影
"""
"""A measure word and the things it counts."""

_ALSO = """
画 张|油画 张|羊 头|牛 条|大象 只|狮子 只|骆驼 头只|毛巾 块|照片 幅|地图 幅本|椅子 张|伞 顶|刀 口|玫瑰 支棵
荷花 支|菊花 棵支|草 朵|筷子 支|鞋 只|手套 只|袜子 只|电视机 架|钢琴 台|医院 座间|商店 间|公司 间|银行 间|轮船 条
军舰 条|货轮 条|大钟 座|水 口|汽车 台|卡车 台|摩托车 台|帐篷 座|裙子 件|裤子 件|教室 家|办公室 家|树 朵|电影 本
"""
"""Measure words that would also do or might be argued for, and so never stand among the wrong answers."""

_OPPOSITES = """
大 小|长 短|冷 热|快 慢|新 旧|轻 重|深 浅|宽 窄|厚 薄|粗 细|胖 瘦|远 近|前 后|左 右|上 下|开 关|来 去|买 卖
借 还|问 答|升 降|哭 笑|真 假|美 丑|善 恶|黑 白|早 晚|有 无|强 弱|软 硬|干 湿|甜 苦|香 臭|输 赢|得 失|攻 守
推 拉|饥 饱|动 静|古 今|阴 晴|安全 危险|成功 失败|勤劳 懒惰|骄傲 谦虚|复杂 简单|朋友 敌人|增加 减少|前进 后退
开始 结束|热闹 冷清|勇敢 胆小|诚实 虚伪|干净 肮脏|整齐 杂乱|温暖 寒冷|光明 黑暗|表扬 批评|相信 怀疑|紧张 放松
美丽 丑陋|出现 消失|团结 分裂|节约 浪费|痛苦 快乐|富裕 贫穷|古代 现代|粗心 细心|喜欢 讨厌|接受 拒绝|反对 赞成
集中 分散|主动 被动|积极 消极|正确 错误
"""

_IDIOMS = """
画蛇添足 守株待兔 亡羊补牢 掩耳盗铃 刻舟求剑 井底之蛙 狐假虎威 对牛弹琴 叶公好龙 杯弓蛇影 惊弓之鸟 塞翁失马
愚公移山 精卫填海 夸父追日 滥竽充数 自相矛盾 买椟还珠 郑人买履 邯郸学步 东施效颦 朝三暮四 拔苗助长 杞人忧天
螳臂当车 班门弄斧 望梅止渴 纸上谈兵 完璧归赵 负荆请罪 破釜沉舟 卧薪尝胆 三顾茅庐 草木皆兵 闻鸡起舞 凿壁偷光
悬梁刺股 胸有成竹 入木三分 一鸣惊人 画龙点睛 如鱼得水 虎头蛇尾 鹤立鸡群 马到成功 鸡飞狗跳 龙飞凤舞 九牛一毛
千军万马 四面楚歌 五湖四海 七上八下 十全十美 百发百中 万紫千红 春暖花开 秋高气爽 风和日丽 鸟语花香 山清水秀
心想事成 水滴石穿 铁杵成针 熟能生巧 勤能补拙 笨鸟先飞 温故知新 举一反三 学以致用 实事求是 持之以恒 全力以赴
一心一意 同舟共济 雪中送炭 锦上添花 画饼充饥 海阔天空 门庭若市 车水马龙
"""

_MODIFIERS = ("春秋", "高深", "东西", "千万", "红绿", "新旧", "朝暮", "远近")
_NOUNS = ("山水", "花月", "风云", "门窗", "楼船", "草木", "桥路", "人马")


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this file."""
    couplets = tuple(fact for pair in _MODIFIERS for nouns in _NOUNS for fact in _couplets(pair, nouns))
    return (
        Kind("measure", "量词", tuple(_measures()), 0.8),
        Kind("opposite", "反义词", tuple(fact for pair in table(_OPPOSITES) for fact in _opposites(*pair)), 0.7),
        Kind("idiom", "成语", tuple(_idiom(idiom) for idiom in _idioms()), 0.8),
        Kind("couplet", "对子", couplets, 0.4),
    )


def _measures() -> list[Fact]:
    rows = table(_MEASURES)
    pool, also = tuple(measure for measure, *_ in rows), {thing: fitting for thing, fitting in table(_ALSO)}
    things = [(measure, thing) for measure, *counted in rows for thing in counted]
    return [
        Fact(
            "measure",
            f"measure/{thing}",
            f"measure/{thing}",
            (f"{thing}论{BLANK}", f"一{BLANK}{thing}", f"{thing}的量词是{BLANK}", f"数{thing}用量词{BLANK}"),
            (f"{thing}的量词是什么？", f"请问{thing}用什么量词？", f"{thing}论什么？"),
            measure,
            others(pool, measure, *also.get(thing, "")),
        )
        for measure, thing in things
    ]


def _opposites(first: str, second: str) -> list[Fact]:
    """Both directions are one root."""
    pool = tuple(word for pair in table(_OPPOSITES) for word in pair)
    return [
        Fact(
            "opposite",
            f"opposite/{word}",
            f"opposite/{first}",
            (f"{word}的反义词是{BLANK}", f"{word}和{BLANK}相反", f"与{word}相反的是{BLANK}", f"{word}的对面是{BLANK}"),
            (f"{word}的反义词是什么？", f"请问与{word}意思相反的词是什么？", f"和{word}相反的是什么？"),
            answer,
            others(pool, answer, word),
        )
        for word, answer in ((first, second), (second, first))
    ]


def _idioms() -> list[str]:
    return [idiom for row in table(_IDIOMS) for idiom in row]


def _idiom(idiom: str) -> Fact:
    head, last = idiom[:3], idiom[3]
    return Fact(
        "idiom",
        f"idiom/{idiom}",
        f"idiom/{idiom}",
        (f"有个成语叫{head}{BLANK}", f"成语{head}{BLANK}", f"常说的成语有{head}{BLANK}", f"{head}后面接{BLANK}"),
        (f"成语“{head}＊”的最后一个字是什么？", f"请问成语{head}后面接哪个字？", f"{head}后面接什么字？"),
        last,
        others(tuple(other[3] for other in _idioms()), last),
    )


def _couplets(pair: str, nouns: str) -> list[Fact]:
    """A phrase and its parallel: 春山 and 秋水. A wrong one comes from another couplet and repeats a character."""
    upper, lower = pair[0] + nouns[0], pair[1] + nouns[1]
    return [
        Fact(
            "couplet",
            f"couplet/{line}",
            f"couplet/{upper}",
            (f"{line}对{BLANK}", f"上句是{line}，下句是{BLANK}", f"{line}，对的是{BLANK}"),
            (f"对对子：{line}对什么？", f"请问{line}可以对什么？", f"上句是{line}，下句是什么？"),
            answer,
            (
                *(line[0] + other[side] for other in _NOUNS if other != nouns),
                *(other[side] + line[1] for other in _MODIFIERS if other != pair),
            ),
            regular=True,
        )
        for side, (line, answer) in enumerate(((upper, lower), (lower, upper)))
    ]
