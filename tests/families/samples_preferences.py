"""A sample of every source of preferences."""

import io
from typing import Any

import polars
from tests.families.sources import Sample, array, lines, talk


def parquet(*rows: dict[str, Any]) -> bytes:
    """Return a Parquet file of the rows."""
    buffer = io.BytesIO()
    polars.DataFrame(rows).write_parquet(buffer)
    return buffer.getvalue()


ANSWERS = {"chosen": {"from": "gpt", "value": "好"}, "rejected": {"from": "gpt", "value": "坏"}}

SAMPLES = {
    "preference_json": Sample(
        7,
        4,
        {
            "pairs.json": array(
                {"conversations": talk("问"), **ANSWERS},
                {"conversations": talk("早", "早", "问"), "system": "助手", "chosen": "好", "rejected": "坏"},
                {"prompt": "问", "chosen": "好", "rejected": "坏"},
                {"prompt": talk("问", key="role"), "chosen": talk("", "好")[1:], "rejected": talk("", "坏")[1:]},
                {"prompt": "问", "chosen": talk("问", "好"), "rejected": talk("问", "坏")},
                {"chosen_messages": talk("问", "好", key="role"), "rejected_messages": talk("问", "坏", key="role")},
                {"instruction": "问", "input": "题", "chosen": "好", "rejected": "坏"},
                {"prompt": "问", "chosen": "同 ", "rejected": "同"},
                {"chosen": talk("问", "好"), "rejected": talk("另问", "坏")},
                {"prompt": "别的", "chosen": talk("问", "好"), "rejected": talk("问", "坏")},
                {"prompt": "问", "chosen": "好"},
            )
        },
    ),
    "dpo_en_zh_20k": Sample(
        3,
        4,
        {
            "dpo_zh.json": array(
                {"conversations": talk("一加一等于几？"), **ANSWERS},
                {"conversations": talk("早", "早上好", "再见"), **ANSWERS},
                {"conversations": [{"from": "system", "value": "助手"}, *talk("问")], **ANSWERS},
                {"conversations": talk("问", "答"), **ANSWERS},
                {"conversations": talk("问"), "chosen": ANSWERS["chosen"], "rejected": ANSWERS["chosen"]},
                {"conversations": talk("问"), "chosen": ANSWERS["chosen"], "rejected": {"from": "gpt", "value": " "}},
                {
                    "conversations": talk("问"),
                    "chosen": ANSWERS["chosen"],
                    "rejected": {"from": "human", "value": "坏"},
                },
            )
        },
    ),
    "orca_dpo_pairs": Sample(
        2,
        2,
        {
            "orca_rlhf.jsonl": lines(
                {"system": "", "question": "Is water wet?", "chosen": "Yes.", "rejected": "No\u2028body knows."},
                {"system": "Be brief.", "question": "Is water wet?", "chosen": "Yes.", "rejected": "It is a liquid."},
                {"system": "", "question": " ", "chosen": "Yes.", "rejected": "No."},
                {"system": "", "question": "Is water wet?", "chosen": "", "rejected": "No."},
            )
        },
    ),
    "chinese_dpo_pairs": Sample(
        2,
        1,
        {
            "train.parquet": parquet(
                {"prompt": "问", "system": "", "chosen": "好", "rejected": "坏", "source": "orca", "id": "1"},
                {"prompt": "问", "system": "助手", "chosen": "好", "rejected": "坏", "source": "hh", "id": "2"},
                {"prompt": "问", "system": None, "chosen": "好", "rejected": None, "source": "hh", "id": "3"},
            )
        },
    ),
    "dpo_zh_en_emoji": Sample(
        1,
        2,
        {
            "0_dpo_loji.jsonl": lines(
                {"question": "晴天☀\ufe0f叫什么？", "answer_zh": "大晴天☀\ufe0f！", "answer_en": "A sunny day☀\ufe0f!"},
                {"question": "问", "answer_zh": "☀\ufe0f", "answer_en": "☀"},
                {"question": "问", "answer_zh": "答"},
            )
        },
    ),
    "hc3_chinese_pairs": Sample(
        1,
        5,
        {
            "all.jsonl": lines(
                {"question": "水？", "human_answers": ["冷。", "冰。"], "chatgpt_answers": ["温度。", "零度。"]},
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": []},
                {"question": "水？", "human_answers": [""], "chatgpt_answers": ["温度。"]},
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": ["冷。"]},
                {"question": "水？", "human_answers": [1], "chatgpt_answers": ["温度。"]},
                {"question": "水？", "human_answers": ["冷。"], "chatgpt_answers": "温度。"},
            )
        },
        {"chosen": "human"},
    ),
    "gemma2_ultrafeedback_armorm": Sample(
        2,
        2,
        {
            "train.parquet": parquet(
                *(
                    {
                        "prompt_id": str(number),
                        "prompt": prompt,
                        "all_generated_responses": ["Yes.", "No.", "Yes.", "Yes.", "Yes."],
                        "all_rm_scores": [0.75, 0.5, 0.75, 0.75, 0.75],
                        "chosen": talk("Is water wet?", "Yes.", key="role"),
                        "rejected": talk("Is water wet?", worse, key="role"),
                    }
                    for number, (prompt, worse) in enumerate(
                        [("Is water wet?", "No."), ("Is water wet?", "Never."), ("Is water wet?", "Yes."), ("?", "No.")]
                    )
                )
            )
        },
    ),
    "ultrafeedback_binarized": Sample(
        2,
        1,
        {
            "train_prefs-00000-of-00001.parquet": parquet(
                *(
                    {
                        "prompt": "Is water wet?",
                        "chosen": talk("Is water wet?", "Yes.", key="role"),
                        "rejected": talk("Is water wet?", worse, key="role"),
                        "score_chosen": 8.5,
                        "score_rejected": score,
                    }
                    for worse, score in (("No.", 6.0), ("Yes, it is.", 8.5), ("", 1.0))
                )
            ),
            "train_gen-00000-of-00001.parquet": parquet({"prompt": "Is water wet?", "messages": talk("?", key="role")}),
        },
    ),
}
