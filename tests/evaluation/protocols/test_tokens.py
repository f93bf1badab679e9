"""What the protocols come to in tokens of the real Llama-3 tokenizer, on real questions."""

import pytest
from tests.evaluation.desk import make_benchmark
from tests.evaluation.protocols.real_tokenizer import DATA, LLAMA, RANKS, tokenizer

from zhiyin.chat.encode import Encoder
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.inference.encoding import continuation, question_ids
from zhiyin.records.prompt import Prompt

pytestmark = pytest.mark.skipif(not (RANKS.is_file() and (DATA / "mmlu").is_dir()), reason=f"needs {DATA}")

FOLDERS = {"cmmlu": DATA / "cmmlu", "ceval": DATA / "ceval", "mmlu": DATA / "mmlu" / "hendrycks_layout"}
SUBJECTS = {"cmmlu": "agronomy", "ceval": "law", "mmlu": "anatomy"}
BARE, SPACED = [32, 33, 34, 35], [362, 426, 356, 423]
"""`A` to `D`, and ` A` to ` D`."""
BOS = 128000


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(tokenizer(LLAMA), Llama3())


def asked(exam: str, protocol: str, chat: bool | None = None) -> list[Prompt]:
    settings = {"subjects": [SUBJECTS[exam]], "limit_per_subject": 10, "protocol": protocol, "chat": chat}
    shots = 0 if protocol == "llamafactory" else 2
    return list(make_benchmark({"name": exam, "folder": str(FOLDERS[exam]), "shots": shots, **settings}).prompts(None))


@pytest.mark.parametrize("exam", FOLDERS)
@pytest.mark.parametrize(
    ("protocol", "chat", "letters"),
    [
        ("official", None, None),
        ("harness", None, SPACED),
        ("harness", True, BARE),
        ("llamafactory", None, BARE),
    ],
)
def test_one_token_each_after_the_same_context(
    exam: str, protocol: str, chat: bool | None, letters: list[int] | None, encoder: Encoder
) -> None:
    wanted = letters or (SPACED if exam == "mmlu" else BARE)
    for prompt in asked(exam, protocol, chat):
        scored = [continuation(prompt, choice, encoder) for choice in prompt.choices]
        assert [one.tokens for one in scored] == [(letter,) for letter in wanted]
        assert {one.context for one in scored} == {question_ids(prompt, encoder)}


@pytest.mark.parametrize("exam", FOLDERS)
def test_opencompass_scores_four_texts_that_differ_in_their_last_token(exam: str, encoder: Encoder) -> None:
    for prompt in asked(exam, "opencompass"):
        scored = [continuation(prompt, choice, encoder) for choice in prompt.choices]
        assert {one.context for one in scored} == {(BOS,)}
        assert len({one.tokens[:-1] for one in scored}) == 1
        assert len({one.tokens[-1] for one in scored}) == 4


def test_fewshot_has_no_bos(encoder: Encoder) -> None:
    for prompt in asked("cmmlu", "llamafactory", chat=False):
        assert BOS not in question_ids(prompt, encoder)
    for prompt in asked("cmmlu", "llamafactory"):
        assert question_ids(prompt, encoder)[0] == BOS
