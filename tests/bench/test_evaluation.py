"""The bench of exams: every side on a tiny model, its counts by hand, and that it tells answers that differ."""

import argparse
import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from bench.sides import exam as exams
from bench.sides import exam_ours, loops, texts
from bench.sides.exam import Exam, Report

from bench import evaluation

CHINESE = {"agronomy": "农学", "anatomy": "解剖学", "arts": "艺术学"}


@pytest.fixture(scope="module")
def cmmlu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects in the files of CMMLU, 5 shots and 12 questions each; an option that looks like a number."""
    folder = tmp_path_factory.mktemp("cmmlu")
    for split, count in (("dev", 5), ("test", 12)):
        (folder / split).mkdir()
        for name, chinese in CHINESE.items():
            lines = [",Question,A,B,C,D,Answer"]
            lines += [
                f'{at}," {chinese}第{at}题，{"春眠不觉晓" * (at % 4)}？",1.0,0{at},"花落，知",风雨声,{"ABCD"[at % 4]}'
                for at in range(count)
            ]
            (folder / split / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma-2 model of two small layers whose window is shorter than a prompt, with a tokenizer."""
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    from zhiyin.artifacts import TextSet
    from zhiyin.chat.templates import Template
    from zhiyin.execution.catalog import make
    from zhiyin.execution.runtime import Runtime
    from zhiyin.records.conversation import Document
    from zhiyin.training.tokenizer import Config, tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    words = "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n春眠不觉晓花落，知多少风雨声\n"
    # Often enough for each answer to become one token.
    documents = TextSet.write(folder, [Document("0", words + 20 * "答案： A。答案： B。答案： C。答案： D。", "test")])
    settings = Config(vocab_size=320, template=make(Template, "gemma2"))
    tokenizer(settings, out=folder, runtime=Runtime(), texts={"all": documents})
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=320,
        hidden_size=32,
        num_hidden_layers=2,
        intermediate_size=64,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        query_pre_attn_scalar=16,
        sliding_window=24,
        initializer_range=0.2,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    Gemma2ForCausalLM(config).save_pretrained(folder)
    return folder


def sit(cmmlu: Path, tiny: Path, folder: Path, shots: int) -> Exam:
    """Return an exam of 30 questions."""
    asked = list(exams.questions(cmmlu, CHINESE, shots, 30))
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in asked), encoding="utf-8")
    return Exam("ours", str(tiny), str(cmmlu), shots, str(file), micro_batch_tokens=800)


def test_without_the_questions_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(texts, "DATA", tmp_path / "nowhere")
    monkeypatch.setattr(sys, "argv", ["evaluation.py"])
    with pytest.raises(SystemExit) as stopped:
        evaluation.main()
    assert stopped.value.code == 2
    assert "cmmlu is not there" in capsys.readouterr().out


def test_questions_are_whole_blocks_of_subjects(cmmlu: Path) -> None:
    asked = list(exams.questions(cmmlu, CHINESE, 2, 5))
    assert [(one.subject, one.row) for one in asked] == [("agronomy", row) for row in range(5)]
    shot = "农学第{}题，{}？\nA. 1.0\nB. 0{}\nC. 花落，知\nD. 风雨声\n答案："
    head = "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n"
    head += shot.format(0, "", 0) + " A\n\n" + shot.format(1, "春眠不觉晓", 1) + " B\n\n"
    assert asked[2].text == head + shot.format(2, "春眠不觉晓" * 2, 2)
    spread = list(exams.questions(cmmlu, dict.fromkeys(CHINESE, ""), 0, 150))
    assert {one.subject for one in spread} == {"agronomy", "anatomy"}
    assert len(list(exams.questions(cmmlu, CHINESE, 0, 9999))) == 36


@pytest.mark.parametrize("shots", [0, 5])
@pytest.mark.parametrize("side", ["opencompass", "llamafactory"])
def test_every_side_answers_alike(side: str, shots: int, cmmlu: Path, tiny: Path, tmp_path: Path) -> None:
    exam, ours, theirs = sit(cmmlu, tiny, tmp_path, shots), Report(), Report()
    exam_ours.side(exam, ours)
    loops.side(replace(exam, side=side), theirs)
    assert ours.chosen == theirs.chosen
    assert len(ours.chosen) == len(exam.asked())
    assert evaluation.difference(ours.scores, theirs.scores, side == "llamafactory") < 1e-5
    assert evaluation.margin(ours.scores) > 1e-4
    assert min(ours.cpu_seconds, theirs.cpu_seconds) > 0
    least = evaluation.fewest(tiny, exam.asked())
    assert ours.positions < theirs.positions
    if side == "opencompass":
        assert theirs.tokens == theirs.positions == 4 * (least.prompts + len(exam.asked()))
    assert least.shared < ours.tokens < theirs.tokens


def test_fewest_tokens_by_hand(tiny: Path) -> None:
    from tokenizers import Tokenizer

    asked = [exams.Question("a", 0, "春眠 A"), exams.Question("a", 1, "春眠 B B"), exams.Question("b", 0, "春眠 A")]
    ids = [Tokenizer.from_file(str(tiny / "tokenizer.json")).encode(one.text).ids for one in asked]
    alike = next(at for at, (a, b) in enumerate(zip(ids[0], ids[1], strict=False)) if a != b)
    assert alike > 1
    assert evaluation.fewest(tiny, asked) == evaluation.Fewest(sum(map(len, ids)), sum(map(len, ids)) - alike)


def test_the_last_three_lines(
    cmmlu: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Medians, the worst turn, and an answer that differs, on reports that are given."""
    one = Report(scores=[[-1.0, -2.0, -3.0, -4.0]], chosen=[0], cpu_seconds=2.0, tokens=100, positions=10)
    turns = iter([3.0, 8.0, 5.0])

    def measure(exam: Exam, folder: Path) -> Report:
        if exam.side == "ours":
            return one
        seconds = next(turns)
        other = seconds == 8.0
        moved = [[-1.0, -2.0, -3.0, -4.0 + 2e-6 * seconds]]
        return replace(one, cpu_seconds=seconds, chosen=[int(other)], scores=moved, tokens=300)

    monkeypatch.setattr(evaluation, "measure", measure)
    monkeypatch.setattr(exams, "model", lambda shape: tiny)
    monkeypatch.setattr(exams, "questions", lambda *rest: iter([exams.Question("agronomy", 0, "春眠")]))
    chosen = argparse.Namespace(questions=1, turns=3, batch=8)
    differing = evaluation.compare("opencompass", "llama_8k", 0, cmmlu, tmp_path, chosen)
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert lines == ["differing 1", "max_logprob_diff 1.6e-05", "ratio 2.50"]
    assert differing == 2  # one answer, and a log-probability beyond the tolerance


def test_log_probabilities_among_letters() -> None:
    ours = [[math.log(0.1), math.log(0.2), math.log(0.1), math.log(0.1)]]
    theirs = [[math.log(0.2), math.log(0.4), math.log(0.2), math.log(0.2)]]
    assert evaluation.difference(ours, theirs, among_letters=True) < 1e-12
    assert evaluation.difference(ours, theirs, among_letters=False) == pytest.approx(math.log(2))


def test_operations_by_hand() -> None:
    """Of `llama_8k`: 8 layers of 512 x (512 + 256 + 256 + 512) and 3 x 512 x 1,792; the head 512 x 8,192."""
    layers = 8 * (512 * 1536 + 3 * 512 * 1792)
    assert evaluation.operations(Report(tokens=10, positions=3), "llama_8k") == 10 * layers + 3 * 512 * 8192


@pytest.mark.peer
@pytest.mark.parametrize("shots", [0, 5])
def test_lm_eval_answers_alike(shots: int, cmmlu: Path, tiny: Path, tmp_path: Path) -> None:
    """With its own task files, in its own environment."""
    exam, ours = sit(cmmlu, tiny, tmp_path, shots), Report()
    exam_ours.side(exam, ours)
    theirs = evaluation.measure(replace(exam, side="lm-eval"), tmp_path)
    assert ours.chosen == theirs.chosen
    assert evaluation.difference(ours.scores, theirs.scores, among_letters=False) < 1e-5
    assert theirs.tokens >= evaluation.fewest(tiny, exam.asked()).prompts
