"""A sample of every named set of instructions and dialogues; `test_sources.py` tries each against the contract.

All texts are written for these tests, in the schemas of the data sets. A fault that a set is known for stands in its
sample: JSON lines in a `.json`, an open mark, HTML, an empty answer, a line separator inside a text.
"""

import io
import json
import tarfile
from collections.abc import Mapping

from tests.families.sources import Sample, array, lines, talk

OPENING = "The conversation between human and AI assistant."


def alpaca(instruction: str, output: str, addition: str = "", end: str = "") -> dict[str, str]:
    """Return a row in Alpaca's form; `end` is put behind the columns' names."""
    return {f"instruction{end}": instruction, f"input{end}": addition, f"output{end}": output}


def counselling(*texts: str) -> str:
    """Return a file of SMILECHAT in which client and counsellor speak in turn."""
    return array(
        *(
            {
                "role": ("client", "counselor")[place % 2],
                "content": text,
                "annotation": [{"sentence": text, "label": ""}],
            }
            for place, text in enumerate(texts)
        )
    )


def baize(*turns: str) -> dict[str, str]:
    """Return a row of Baize with its open mark at the end."""
    marks = "".join(f"[|{('Human', 'AI')[place % 2]}|] {turn}\n" for place, turn in enumerate(turns))
    return {"topic": turns[0], "input": f"{OPENING}\n{marks}[|Human|] "}


def rounds(*pairs: tuple[str, str]) -> dict[str, dict[str, str]]:
    """Return a dialogue of COIG's corrections."""
    return {
        f"round_{number}": {"response": json.dumps({"Q": question, "A": answer}, ensure_ascii=False)}
        for number, (question, answer) in enumerate(pairs)
    }


def archive(members: Mapping[str, bytes]) -> bytes:
    """Return a `.tar.gz` that holds a folder with these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        folder = tarfile.TarInfo("chat")
        folder.type = tarfile.DIRTYPE
        packed.addfile(folder)
        for name, content in members.items():
            member = tarfile.TarInfo(f"chat/{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return made.getvalue()


def exam(question: str, answer: str, analysis: str = "") -> dict[str, str]:
    """Return a row of COIG's exams."""
    return {
        "textbox_q_instruction": "选出正确答案。",
        "textbox_q_context": "",
        "textbox_question": question,
        "textbox_answer": answer,
        "textbox_answer_analysis": analysis,
        "subject": "语文",
    }


COUPLETS = {
    "train/in.txt": "海 阔 凭 鱼 跃\r\n春 风 \n一 夜\n",
    "train/out.txt": "天 高 任 鸟 飞\r\n秋 雨\n千 山 雪\n",
    "test/in.txt": "\ufeff云 淡\n",
    "test/out.txt": "风 轻\n",
}
CHAT = archive(
    {
        "0.json": json.dumps(rounds(("李白是宋人吗？", "是唐人。"), ("谢谢。", "不客气。")), indent=1).encode(),
        "1.json": b'{"round_0": {"response": "no JSON"}}',
        "2.json": b'{"round_0": ',
        "README.txt": b"-",
    }
)

SAMPLES = {
    "alpaca_gpt4": Sample(
        2, 1, {"zh.json": array(alpaca("问", "答"), alpaca("译", "friend", "知音"), alpaca("问", ""))}
    ),
    "alpaca_gpt4_silk_road": Sample(
        2,
        1,
        {
            "Alpaca_data_gpt4_zh.jsonl": lines(
                {**alpaca("译", "friend", "知音", "_zh"), **alpaca("Translate", "friend", "知音")},
                {**alpaca("问", "答", " ", "_zh"), **alpaca("Ask", "Answer")},
                {**alpaca("问", " ", "", "_zh"), **alpaca("Ask", "Answer")},
            )
        },
    ),
    "baize": Sample(
        3,
        4,
        {
            "quora_chat_data.json": array(
                baize("Why?", "Because."),
                baize("Why?", "Because.\nReally.", "So?", "Yes."),
                {"input": f"{OPENING}\n[|Human|] Without a topic?\n[|AI|] Yes.\n[|Human|] "},
                {"topic": "", "input": f"{OPENING}\n[|Human|] Not answered."},
                baize("Why?", ""),
                {"topic": "", "input": "Another opening. [|Human|] Why?\n[|AI|] Because.\n[|Human|] "},
                {"topic": "", "input": "no marks"},
            )
        },
    ),
    "belle": Sample(
        3,
        2,
        {
            "Belle_open_source_1M.json": lines(
                alpaca("写诗", "一\u2028二"), alpaca("译", "friend", "知音"), alpaca("", "答")
            ),
            "Belle_open_source_0.5M.json": lines(
                {"input": "译：知音", "target": "friend"}, {"input": "问", "target": ""}
            ),
        },
    ),
    "chatmed_consult": Sample(
        2,
        1,
        {
            "ChatMed_Consult-v0.3.json": lines(
                {"query": "感冒了怎么办？", "response": "多休息。<br/>多喝水。"},
                {"query": "\ufe0f头疼☀️", "response": "去看医生。"},
                {"query": "头疼", "response": None},
            )
        },
    ),
    "chinese_modern_poetry": Sample(
        4,
        3,
        {
            "training_imagery2_maxlen256.json": lines(
                {"uuid": "1", "prompt": "使用下列意象写一首现代诗：心，酒", "response": "标题:夜\n\n心在酒里"},
                {"uuid": "2", "prompt": "使用下列意象写一首现代诗：雪", "response": ""},
            ),
            "chinese_poems.jsonl": lines(
                {"title": "夜", "author": "无名", "content": "心在酒里"},
                {"title": "雪", "author": "无名", "content": ["白的", "更白的"]},
                {"title": " ", "author": "无名", "content": "白的"},
                {"title": "无", "author": "无名", "content": None},
                {"title": "花", "author": "无名", "content": ["开了"]},
            ),
        },
    ),
    "chinese_poetry_instructions": Sample(
        1,
        2,
        {
            "train.json": array(
                {"instruction": "写一首五言绝句", "context": "靜夜思", "response": "牀前看月光"},
                {"instruction": "写一首五言绝句", "context": "", "response": "床前明月光"},
                {"instruction": "写一首五言绝句", "context": "静夜思", "response": "\u3000"},
            )
        },
    ),
    "coig": Sample(
        6,
        5,
        {
            "translated_instructions.jsonl": lines(
                {
                    **alpaca("Ask", "Answer"),
                    **{f"trans_{name}": text for name, text in alpaca("问", "答", "题").items()},
                }
            ),
            "exam_instructions.jsonl": lines(
                exam("一加一？", "二", "数一数。"), exam("一加一？", "二"), exam("一加一？", "")
            ),
            "human_value_alignment_instructions_part1.json": array(alpaca("问", "答"), alpaca("问", "")),
            "leetcode_instructions.jsonl": lines(alpaca("写程序", "print(1)")),
            "counterfactural_correction_multi_round_chat.tar.gz": CHAT,
        },
    ),
    "couplets": Sample(3, 1, dict(COUPLETS)),
    "firefly": Sample(
        2,
        2,
        {
            "firefly-train-1.1M.jsonl": lines(
                {"kind": "StoryGeneration", "input": "少年与海", "target": "从前……"},
                {"kind": "Couplet", "input": "对联：春风", "target": "秋雨"},
                {"kind": "NLI", "input": "甲，乙", "target": ""},
                {"kind": " ", "input": "问", "target": "答"},
            )
        },
    ),
    "hc3_chinese": Sample(
        1,
        3,
        {
            "all.jsonl": lines(
                {
                    "question": "水？",
                    "human_answers": ["冷。", "冰。"],
                    "chatgpt_answers": ["温度。", "又。"],
                    "source": "baike",
                },
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": []},
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": [""]},
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": "温度。"},
            )
        },
    ),
    "history_trans": Sample(
        1,
        2,
        {
            "train.jsonl": lines(
                {"inputs": "沛公军霸上。", "truth": "沛公驻扎在霸上。", "results": "沛公在霸上。"},
                {"inputs": "沛公軍霸上。", "truth": ""},
                {"inputs": "", "truth": "无。"},
            )
        },
    ),
    "huatuo": Sample(
        3,
        3,
        {
            "llama_data.json": lines(alpaca("胆管癌？", "黄疸。"), alpaca("胆管癌？", "黄疸。"), alpaca("病？", "")),
            "liver_cancer.json": array(
                {**alpaca(" <user>: 病因？ <bot>: 病毒。 <user>: 怎么治？", "手术。"), "id": "1"},
                alpaca(" <user>: 病因？ <user>: 怎么治？", "手术。"),
                alpaca("肝癌 <user>: 病因？", "病毒。"),
            ),
        },
    ),
    "llama3_chinese": Sample(
        2,
        1,
        {
            "train.jsonl": lines(
                {"conversations": talk("你好", "你好！", "再见", "再见！")},
                {"conversations": talk("你好", "你好！"), "system": "助手"},
                {"conversations": talk("你好")},
            )
        },
    ),
    "mathglm_arithmetic": Sample(2, 2, {"train.txt": "2+3*4=2+12=14\r\n5082.0353-9979*-6938=\n\n7-1\n1/2=0.5\n"}),
    "mathglm_word_problems": Sample(
        1, 1, {"data.jsonl": lines({"question": "几个？", "answer": "x=3*12=36"}, {"question": "几个？"})}
    ),
    "news_commentary": Sample(
        8,
        4,
        {
            "train.json": array(
                {"id": "0", "translation": {"en": "Spring.", "zh": "春天。"}},
                {"id": "1", "translation": {"en": "", "zh": "空"}},
            ),
            "news.en-zh.tsv": "Autumn.\t秋天。\nwithout a tab\n",
            "old.zh-en.tsv": "冬天。\tWinter.\n",
            "lines.en": "Summer.\n",
            "lines.zh": "夏天。\n",
            "bad.jsonl": '{"translation": {"en": ',
        },
    ),
    "psyqa": Sample(
        1,
        2,
        {
            "PsyQA_full.json": array(
                {
                    "question": "总是失眠",
                    "description": "一个月了。",
                    "keywords": "睡眠",
                    "questionID": 1,
                    "answers": [
                        {"answer_text": "先别着急。", "has_label": False, "labels_sequence": []},
                        {
                            "answer_text": "去走走。",
                            "has_label": True,
                            "labels_sequence": [{"start": 0, "end": 4, "type": "D"}],
                        },
                    ],
                },
                {"question": "总是失眠", "description": "", "answers": []},
                {"question": "总是失眠", "description": "", "answers": ["先别着急。"]},
            )
        },
    ),
    "python_code_instructions": Sample(
        1, 1, {"train.jsonl": lines({**alpaca("Add", "1 + 2", "1, 2"), "prompt": "Below is"}, alpaca("Add", ""))}
    ),
    "qizhen": Sample(1, 1, {"sft-20k.json": array(alpaca("主治？", "清热解毒。<br/>"), alpaca("主治？", ""))}),
    "shennong_tcm": Sample(
        1,
        1,
        {
            "ChatMed_TCM-v0.2.json": lines(
                {"query": "气虚？", "response": "黄芪。"}, {"query": "", "response": "黄芪。"}
            )
        },
    ),
    "smile": Sample(
        2,
        4,
        {
            "data/1.json": counselling("睡不好。", "多久了？", "一个月。", "先放松。"),
            "data/2.json": counselling("睡不好。", "多久了？", "谢谢。"),
            "data/3.json": array({"role": "client", "content": "一"}, {"role": "client", "content": "二"}),
            "data/4.json": '[{"role": "client", "content": "睡不',
            "data/5.json": '{"role": "client", "content": "睡不好。"}',
            "data/6.json": array({"role": "client", "content": "一"}, {"role": "supporter", "content": "二"}),
        },
    ),
}
