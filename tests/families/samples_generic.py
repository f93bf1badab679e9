"""A sample of every source whose files can be anybody's, of those that make their rows, and of three collections."""

import json
from pathlib import Path

from tests.families.sources import Sample, array, lines, talk


def rendered(*turns: tuple[str, str]) -> str:
    """Return a dialogue as GemmaLM-Chinese wrote it down."""
    return "".join(f"<start_of_turn>{role}\n{text}\n<end_of_turn><eos>\n" for role, text in turns)


def spoken(*texts: str) -> list[dict[str, str]]:
    """Return turns under names of their own."""
    return [{"who": ("visitor", "counsellor")[place % 2], "value": text} for place, text in enumerate(texts)]


POEM = {"title": "靜夜思", "author": "李白", "paragraphs": ["牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"]}

SAMPLES = {
    "alpaca_json": Sample(
        3,
        2,
        {
            "zh.json": array(
                {"instruction": "翻译", "input": "知音", "output": "a close friend"},
                {"instruction": "问", "output": "答", "system": "助手", "history": [["早", "早上好"]]},
                {"instruction": "问", "output": ""},
                {"instruction": "问", "output": "答", "history": ["早"]},
                {"instruction": "问", "input": None, "output": "答", "system": "", "history": []},
            )
        },
    ),
    "chinese_poetry": Sample(
        4,
        3,
        {
            "poems.json": array(
                POEM,
                {"rhythmic": "导引", "author": "和岘", "paragraphs": ["气和玉烛，睿化著鸿明。", "缇管一阳生。"]},
                {"title": "关雎", "chapter": "国风", "content": ["关关雎鸠，在河之洲。", "参差荇菜，左右流之。"]},
                {"title": "长相思", "author": "纳兰性德", "para": ["山一程，水一程", "风一更，雪一更"]},
                {**POEM, "paragraphs": ["三危□山"]},
                {**POEM, "paragraphs": []},
                {"author": "李白", "paragraphs": ["无题"]},
            )
        },
    ),
    "classical_modern": Sample(
        2,
        3,
        {
            "论语/学而篇/bitext.txt": "古文：学而时习之 \n现代文：学了又时常温习\n\n古文：孤句\n\n"
            "古文：温故而知新\n现代文：温习旧的，懂得新的\n\n现代文：孤译\n古文：末句\n",
        },
    ),
    "gemmalm_chinese": Sample(
        2,
        3,
        {
            "stage.json": array(
                {"text": rendered(("user", "问\n题"), ("model", "答")), "type": "instruction"},
                {"text": rendered(("system", "助手"), ("user", "问"), ("model", "答")), "type": "dialogue"},
                {"text": rendered(("user", "问"), ("model", "答"))[:-1], "type": "dialogue"},
                {"text": "前" + rendered(("user", "问"), ("model", "答")), "type": "dialogue"},
                {"text": rendered(("user", "问")), "type": "dialogue"},
            )
        },
    ),
    "generated_instructions": Sample(40, 0, fields={"part": "train", "count": 40}),
    "generated_preferences": Sample(40, 0, fields={"part": "train", "count": 40}),
    "generated_prose": Sample(40, 0, fields={"count": 40}),
    "dataset_info": Sample(
        2,
        2,
        {
            "dataset_info.json": json.dumps(
                {
                    "talks": {
                        "file_name": "talks.json",
                        "formatting": "sharegpt",
                        "columns": {"messages": "turns", "system": "about"},
                        "tags": {"role_tag": "who", "user_tag": "visitor", "assistant_tag": "counsellor"},
                    }
                }
            ),
            "talks.json": array(
                {"turns": spoken("你好", "你好！"), "conversations": []},
                {"turns": spoken("你好", "你好！"), "about": "助手"},
                {"turns": [*spoken("查"), {"who": "function_call", "value": "f()"}]},
                {"turns": [{"who": "human", "value": "你好"}]},
            ),
        },
        {"file": Path("dataset_info.json"), "entry": "talks"},
    ),
    "openai_messages": Sample(
        3,
        4,
        {
            "chats.jsonl": lines(
                {"messages": talk("你好", "你好！", "再见", "再见！", key="role")},
                {"messages": [{"role": "developer", "content": "助手"}, *talk("你好", "你好！", key="role")]},
                {
                    "messages": [
                        {"role": "user", "content": [{"type": "text", "text": "你好"}]},
                        *talk("", "好", key="role")[1:],
                    ]
                },
                {"messages": [*talk("查", key="role"), {"role": "assistant", "content": None, "tool_calls": [{}]}]},
                {"messages": [*talk("查", "", key="role"), {"role": "tool", "content": "晴"}]},
                {"messages": [*talk("你好", key="role"), {"role": "assistant", "content": "好", "weight": 0}]},
                {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, *talk("", "好", key="role")[1:]]},
            )
        },
    ),
    "sharegpt": Sample(
        2,
        3,
        {
            "talks.jsonl": lines(
                {"conversations": talk("你好", "你好！", "再见", "再见！")},
                {"conversations": talk("你好", "你好！"), "system": "助手"},
                {"conversations": [*talk("查"), {"from": "function_call", "value": "f()"}]},
                {"conversations": talk("你好", "你好！", "再见")},
                {"dialogue": []},
            )
        },
    ),
    "text": Sample(
        5,
        1,
        {"a.txt": "一\n\n二 \r\n三\n", "b.jsonl": '{"text": "四"}\n{"text": " "}\n', "c.csv": "n,text\n1,五\n"},
    ),
}
