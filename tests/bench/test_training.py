"""The bench of training: its names, our side on a tiny model, and that it stops when two sides did not do the same."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from bench.sides import ours, texts
from bench.sides.job import Job, Report, Row
from bench.sides.limit import limit
from tests.house.tree import ROOT

from bench import training

CASES = """sft-gemma_8k sft-llama_8k sft-gemma_256k dpo-gemma_8k-real dpo-gemma_8k-1to1 dpo-gemma_8k-3to1
dpo-gemma_8k-1to4 dpo-gemma_8k-epoch simpo-gemma_8k-real simpo-gemma_8k-3to1 simpo-gemma_256k-3to1"""
TEXT = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma-2 model of two small layers with a tokenizer."""
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    from zhiyin.artifacts import TextSet
    from zhiyin.chat.templates import Template
    from zhiyin.execution.catalog import make
    from zhiyin.execution.runtime import Runtime
    from zhiyin.records.conversation import Document
    from zhiyin.training.tokenizer import Config, tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    documents = TextSet.write(folder, [Document("0", TEXT, "test")])
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
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    Gemma2ForCausalLM(config).save_pretrained(folder)
    return folder


def job(task: str, tiny: Path, folder: Path) -> Job:
    """Three steps of two examples each; pairs of one long prompt, so that there is something to share."""
    import random

    draw = random.Random(0)
    rows = []
    for number in range(6):
        prompt, *answers = ([draw.randrange(8, 320) for _ in range(length)] for length in (20 + number, 9, 5 + number))
        rows.append(Row(str(number), prompt, answers[:1] if task == "sft" else answers))
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    return Job("ours", task, str(tiny), "gemma_8k", str(file), batch=2, steps=3)


def supervised(job: Job) -> int:
    return sum(len(answer) for row in job.rows() for answer in row.answers)


def test_the_cases_are_listed() -> None:
    command = [sys.executable, str(ROOT / "bench" / "training.py"), "--list"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == CASES.split()


def test_without_the_texts_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(texts, "DATA", tmp_path / "nowhere")
    monkeypatch.setattr(sys, "argv", ["training.py", "--case", "sft-gemma_8k"])
    with pytest.raises(SystemExit) as stopped:
        training.main()
    assert stopped.value.code == 2
    assert "nowhere is not there" in capsys.readouterr().out


@pytest.mark.parametrize("task", ["sft", "dpo", "simpo"])
def test_our_side_learns_from_every_supervised_token(task: str, tiny: Path, tmp_path: Path) -> None:
    work, report = job(task, tiny, tmp_path), Report()
    ours.side(work, report)
    assert report.supervised == supervised(work)
    assert len(report.losses) == len(report.grad_norms) == 3
    assert report.cpu_seconds > 0
    assert (report.reference_seconds > 0) == (task == "dpo")
    if task == "dpo":  # policy and reference are still one model
        assert report.losses[0] == pytest.approx(math.log(2), abs=1e-6)


def test_every_part_computes_the_same(tiny: Path, tmp_path: Path) -> None:
    """Whatever is switched off, it is the same step."""
    work, found = job("dpo", tiny, tmp_path), []
    for _, changes in (*training.PARTS[:-1], ("", {"micro_batch_tokens": 16})):
        found.append(Report())
        with pytest.MonkeyPatch.context() as undo:  # a part replaces functions of the package, for a whole process
            for module in ("trainer", "reference"):
                undo.setattr(f"zhiyin.training.{module}.token_logprobs", logprobs())
            ours.side(replace(work, **changes), found[-1])
        assert training.same_work(found[-1], found[0], 1e-5)
        assert found[-1].losses == pytest.approx(found[0].losses, abs=1e-5)


def logprobs() -> object:
    from zhiyin.training.logprobs import token_logprobs

    return token_logprobs


def test_it_stops_when_the_work_differs() -> None:
    one = Report(losses=[0.7, 0.6], grad_norms=[1.0, 1.0], supervised=10)
    assert training.same_work(one, one, 1e-4)
    others = [
        replace(one, supervised=11),
        replace(one, losses=[0.7002, 0.6]),
        replace(one, grad_norms=[1.002, 1.0]),
    ]
    for other in others:
        with pytest.raises(SystemExit, match="the two did not"):
            training.same_work(one, other, 1e-4)


def test_the_first_examples_stand_for_all() -> None:
    rows = [Row(str(length), [1], [[1] * length]) for length in range(1, 101)]
    spread = texts._spread(rows)
    assert sorted(row.id for row in spread) == sorted(row.id for row in rows)
    assert sum(len(row.answers[0]) for row in spread[:7]) / 7 == pytest.approx(50, abs=3)


def test_the_limit_counts_products(tmp_path: Path) -> None:
    """By hand, with a head of no size: padding, layers run again, and a prompt shared or not."""
    rows = [Row(str(at), [1] * 30, [[1] * length]) for at, length in enumerate((1, 1, 11, 31))]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    sft = Job("", "sft", "", "gemma_8k", str(file), batch=2, steps=2)
    with pytest.MonkeyPatch.context() as only:
        only.setitem(texts.SHAPES["gemma_8k"][1], "vocab_size", 0)
        assert limit(sft, "trl", False) == pytest.approx(3 * 122 / (2 * 100))
        assert limit(sft, "trl-strongest", False) == pytest.approx(2 * 102 / (2 * 100))
        pair = Row("0", [1] * 30, [[1] * 11, [1] * 21])
        file.write_text(2 * (json.dumps(asdict(pair)) + "\n"), encoding="utf-8")
        dpo = replace(sft, task="dpo", batch=1)
        assert limit(dpo, "trl", False) == pytest.approx(4 * 102 / (2 * 60))
        assert limit(dpo, "trl", True) == pytest.approx(4 * 102 / (3 * 60))
        assert limit(dpo, "trl-strongest", False) == pytest.approx(2 * 102 / (2 * 60))


@pytest.mark.peer
@pytest.mark.parametrize("rival", training.RIVALS)
@pytest.mark.parametrize("task", ["sft", "dpo", "simpo"])
def test_the_rivals_do_the_same(rival: str, task: str, tiny: Path, tmp_path: Path) -> None:
    work = job(task, tiny, tmp_path)
    found, peer = (training.measure(replace(work, side=side), tmp_path) for side in ("ours", rival))
    assert training.same_work(found, peer, training.LOSS_TOLERANCE[rival])
    assert peer.losses == pytest.approx(found.losses, abs=1e-4)
    assert peer.supervised == supervised(work)
