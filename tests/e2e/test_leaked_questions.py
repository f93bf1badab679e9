"""From records that quote an exam to a score without the questions they quote: two rooms, and a folder between them."""

from pathlib import Path
from typing import Any

from tests.evaluation.desk import Desk, given, question

from zhiyin.data.contamination import Config, contamination
from zhiyin.evaluation import score
from zhiyin.execution.step import step
from zhiyin.records.conversation import Conversation, Message


def text_of(number: int) -> str:
    """Return thirty characters that no other question has in this order."""
    return "".join(chr(0x4E00 + (997 * number + 131 * place * (number + 1)) % 5000) for place in range(30)) + "？"


QUESTIONS = [
    Conversation(
        one.id,
        (Message("user", text_of(number)),),
        "test",
        kind="capital",
        meta=one.meta,
    )
    for number, one in enumerate(question(number) for number in range(20))
]


def test_what_the_data_room_found_is_left_out_of_the_score(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store")
    prompts = desk.prepared({"name": "generated_exam", "protocol": "generate"}, given(QUESTIONS))
    leaked = [QUESTIONS[3], QUESTIONS[11]]
    records = given(
        [
            *(
                Conversation(f"r{n}", (one.messages[0], Message("assistant", "北京。")), "train")
                for n, one in enumerate(leaked)
            ),
            Conversation("r9", (Message("user", "春眠不觉晓的作者是谁？"), Message("assistant", "孟浩然。")), "train"),
        ]
    )
    scan = step(contamination, Config(), {"records": {"train": records}, "prompts": {"exam": prompts}})
    inputs: dict[str, Any] = {
        "prompts": prompts,
        "completions": desk.answered(prompts, "skilled", 0.5),
        "contamination": scan,
    }
    found = desk.run(step(score.score, score.Config(), inputs)).overview
    assert found.contamination is not None
    assert (found.contamination.flagged, found.contamination.count) == (2, 20)
    assert found.contamination.clean["accuracy"].count == 18
    assert any(said.startswith("contamination: 2 of 20 questions") for said in found.warnings)
