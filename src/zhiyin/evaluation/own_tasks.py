"""Twenty questions of our own for the two tasks that document 003 left open: numbers, and talks of several turns."""

from typing import NamedTuple


class OwnQuestion(NamedTuple):
    """A question to be judged."""

    turns: tuple[str, ...]
    """User and assistant in turn; the last one is the user's, and is answered."""
    reference: str = ""
    """The right answer, where there is one."""


NUMBERS = (
    OwnQuestion(
        ("食堂买了一袋大米，第一天吃了全部的四分之一，第二天吃了余下的三分之一，还剩30千克。这袋大米原来有多少千克？",),
        "60",
    ),
    OwnQuestion(
        ("甲、乙两人从相距45千米的两地同时出发，相向而行，甲每小时走4千米，乙每小时走5千米。几小时后两人相遇？",), "5"
    ),
    OwnQuestion(
        ("一本书原价80元，先涨价百分之二十五，再降价百分之二十五，现在卖多少元？比原价贵还是便宜？",),
        "75元，比原价便宜",
    ),
    OwnQuestion(("祖父今年的年龄是孙子的7倍，六年后是孙子的5倍。孙子今年几岁？",), "12"),
    OwnQuestion(("一口井深10米，青蛙每个白天爬上3米，每个夜里滑下2米。它第几天爬出井口？",), "8"),
    OwnQuestion(("某班有45人，会下象棋的有28人，会下围棋的有22人，两样都不会的有6人。两样都会的有几人？",), "11"),
    OwnQuestion(("今天是星期三，再过100天是星期几？请说明怎样推算。",), "星期五"),
    OwnQuestion(
        ("一个两位数，十位数字与个位数字之和是11，把两个数字对调后，新数比原数大27。原来的两位数是多少？",), "47"
    ),
    OwnQuestion(("把一根绳子对折三次后，从中间剪一刀，绳子变成了几段？",), "9"),
    OwnQuestion(("袋子里有4个红球和6个白球，不放回地连摸两个，两个都是红球的概率是多少？",), "2/15"),
)
"""Ten questions of counting and reasoning; every answer was worked out twice."""

TALKS = (
    OwnQuestion(
        (
            "我想给六岁的女儿挑一本讲星星的书。",
            "好的。您希望它是故事书，还是带图的科普书？",
            "故事书吧，不过她最近有点怕黑。请推荐一个适合的故事思路，并说说睡前怎么讲给她听。",
        )
    ),
    OwnQuestion(
        (
            "请记住：我叫林小满，住在苏州，对花生过敏。",
            "记住了，小满。有什么可以帮您？",
            "周末我想请三位朋友来家里吃饭。",
            "很好，您打算准备中餐还是西餐？",
            "中餐。请用我家乡的口味列一份四菜一汤的菜单，别忘了我的忌口。",
        )
    ),
    OwnQuestion(
        (
            "“画蛇添足”是什么意思？",
            "它比喻做了多余的事，反而坏了原来的好处。",
            "那“锦上添花”也是添东西，为什么是好话？请把两个成语比较一下，各造一个句子。",
        )
    ),
    OwnQuestion(
        (
            "写一句描写秋天傍晚的话。",
            "夕阳把稻田染成金色，归鸟驮着晚霞飞过村口。",
            "太华丽了，改得朴素一点。",
            "太阳落到稻田那边，鸟一只只回村里来了。",
            "再短一些，不超过十个字，并且不要出现“太阳”。",
        )
    ),
    OwnQuestion(
        (
            "我们公司一月卖出120台机器，二月比一月多四分之一。",
            "那么二月卖出150台。",
            "三月又比二月少了30台，请算出一季度总数和平均每月的台数。",
        ),
        "总数390台，平均130台",
    ),
    OwnQuestion(
        (
            "我下周要坐飞机去哈尔滨，第一次坐飞机，有点紧张。",
            "别担心，飞行很安全。您是担心起飞，还是担心流程？",
            "都有一点，而且那边很冷。请按出发前、机场里、飞机上三步告诉我该做什么。",
        )
    ),
    OwnQuestion(
        (
            "长江全长大约多少千米？",
            "长江全长大约6300千米，是中国最长的河流。",
            "你错了，长江只有3000多千米，黄河才是最长的。请重新回答。",
        ),
        "长江约6300千米，仍是最长；黄河约5460千米",
    ),
    OwnQuestion(
        (
            "帮我给房东写一条消息，说热水器坏了。",
            "王先生您好，家里的热水器今天早上打不着火了，麻烦您安排人来看一下，谢谢。",
            "房东回复说要等两个星期。请再写一条，语气客气，但要求三天内解决，并提出我可以先自己找人修、费用从房租里扣。",
        )
    ),
    OwnQuestion(
        (
            "我们来玩成语接龙，每次接最后一个字，可以用同音字。我先说：一心一意。",
            "意气风发。",
            "发扬光大。轮到你了，请接一个，并解释它的意思。",
        )
    ),
    OwnQuestion(
        (
            "用 Python 写一个函数，返回列表里的最大值。",
            "def largest(numbers):\n    return max(numbers)",
            "不许用内置的 max，而且列表为空时要报错并说明原因。请改写，并举一个调用的例子。",
        )
    ),
)
"""Ten talks; what the assistant said before is given, so that every system answers the same last turn."""
