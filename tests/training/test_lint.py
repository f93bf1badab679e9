"""What is checked before the first step: each mistake is planted in real examples, and named with its record."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.training.house import House
from tests.training.test_train import dpo, pretraining, sft

from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.chat.templates import Template
from zhiyin.execution.catalog import make
from zhiyin.training.batches import Batch
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.lint import lint, lint_batches
from zhiyin.training.objectives import Objective
from zhiyin.training.overlength import take_in
from zhiyin.training.work import StepDataset, Work

SFT = make(Objective, "cross_entropy")
DPO = make(Objective, "dpo")


def examples(house: House, encoder: Encoder, objective: Objective = SFT) -> list[Example]:
    records = house.make(house.chats if objective is SFT else house.pairs)
    return take_in(records, objective, encoder, max_length=200).examples


def changed(found: Sequence[Example], number: int, ids: list[int], mask: list[bool]) -> list[Example]:
    """Return the examples with other tokens in the last sequence of one of them."""
    kept = found[number].sequences[:-1]
    return [*found[:number], Example(found[number].id, (*kept, Encoded(ids, mask))), *found[number + 1 :]]


def check(found: Sequence[Example], encoder: Encoder, **settings: Any) -> dict[str, int | float]:
    return lint(found, SFT, encoder, **{"max_length": 200, **settings})


@pytest.mark.parametrize("objective", [SFT, DPO], ids=["sft", "dpo"])
def test_the_figures_of_sound_examples(house: House, encoder: Encoder, objective: Objective) -> None:
    found = examples(house, encoder, objective)
    sequences = [one for example in found for one in example.sequences]
    supervised, tokens = sum(sum(one.mask) for one in sequences), sum(len(one.ids) for one in sequences)
    assert lint(found, objective, encoder, max_length=200) == {
        "examples": 7,
        "sequences": len(sequences),
        "tokens": tokens,
        "supervised_tokens": supervised,
        "supervised_share": round(supervised / tokens, 4),
        "supervised_turns": len(sequences),
        "turns_without_stop": 0,
        "unknown_supervised": 0,
        "longest": max(len(one.ids) for one in sequences),
    }


def test_many_examples_are_looked_at_in_parts(house: House, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examples(house, encoder)
    whole = check(found, encoder)
    monkeypatch.setattr("zhiyin.training.lint.AT_ONCE", 2)
    assert check(found, encoder) == whole
    with pytest.raises(ValueError, match="record c6:"):
        check(changed(found, 6, found[6].sequences[0].ids[:-2], found[6].sequences[0].mask[:-2]), encoder)


def test_a_turn_without_its_stop_token_is_an_error(house: House, encoder: Encoder) -> None:
    found = examples(house, encoder)
    one = found[2].sequences[0]
    end = max(at for at, counts in enumerate(one.mask) if counts)
    assert one.ids[end] in encoder.stop_ids
    unended = changed(found, 2, one.ids[:end], one.mask[:end])
    unsupervised = changed(found, 2, one.ids, [*one.mask[:end], False, *one.mask[end + 1 :]])
    replaced = changed(found, 2, [*one.ids[:end], 99, *one.ids[end + 1 :]], one.mask)
    for broken in (unended, unsupervised, replaced):
        with pytest.raises(ValueError, match=r"record c2: an assistant turn does not end in a supervised stop token"):
            check(broken, encoder)
    assert check(unended, encoder, cut=["c2"])["turns_without_stop"] == 1
    with pytest.raises(ValueError, match="record c2"):
        check(unended, encoder, cut=["c1"])
    with pytest.raises(ValueError, match="record c2"):
        check(unsupervised, encoder, cut=["c2"])  # a cut takes the end, not the middle


def test_every_turn_is_looked_at_not_the_last_alone(house: House, encoder: Encoder) -> None:
    found = examples(house, encoder)
    stop, one = encoder.stop_ids[0], found[0].sequences[0]
    head = one.mask.index(True)
    good = [*one.ids[:head], 50, stop, *one.ids[head:]]
    marks = [*one.mask[:head], True, True, *one.mask[head:]]
    marks.insert(head + 2, False)
    good.insert(head + 2, 60)
    two = changed(found, 0, good, marks)
    assert check(two, encoder)["supervised_turns"] == 8
    bad = [*good]
    bad[head + 1] = 51
    with pytest.raises(ValueError, match="record c0: an assistant turn"):
        check(changed(found, 0, bad, marks), encoder)


def test_what_stands_behind_the_stop_token_may_be_supervised_too(house: House, encoder: Encoder) -> None:
    """`score_header` supervises the line break of the format and an EOS; an answer that goes on is another matter."""
    records = house.make(house.chats)
    objective = make(Objective, {"name": "cross_entropy", "score_header": True})
    found = take_in(records, objective, encoder, max_length=200).examples
    assert lint(found, objective, encoder, max_length=200)["turns_without_stop"] == 0
    one = examples(house, encoder)[1].sequences[0]
    ids, mask = [*one.ids[:-1], 70, 71, 72], [*one.mask[:-1], True, True, True]
    with pytest.raises(ValueError, match="record c1"):
        check(changed(examples(house, encoder), 1, ids, mask), encoder)


def test_the_stop_token_of_the_turn_before_does_not_count(house: House, encoder: Encoder) -> None:
    """Also where the format puts so much behind a turn that the next one ends within that distance."""
    long = replace_after(encoder, encoder.template.form(), after="请回答。请回答。")
    stop = encoder.stop_ids[0]
    ids = [encoder.bos_id or 0, 50, stop, 60, 51]
    with pytest.raises(ValueError, match="record c0: an assistant turn"):
        check([Example("c0", (Encoded(ids, [False, True, True, False, True]),))], long)
    assert check([Example("c0", (Encoded(ids, [False, True, True, True, True]),))], long)["supervised_turns"] == 1


@pytest.mark.parametrize(("place", "count"), [(1, 2), (5, 2), (None, 0)])
def test_bos_stands_once_in_front(house: House, encoder: Encoder, place: int | None, count: int) -> None:
    found = examples(house, encoder)
    one = found[4].sequences[0]
    assert encoder.bos_id is not None
    ids, mask = list(one.ids), list(one.mask)
    if place is None:
        ids[0] = 60
    else:
        ids.insert(place, encoder.bos_id)
        mask.insert(place, False)
    with pytest.raises(ValueError, match=f"record c4: expected exactly one BOS, in front, and found {count}"):
        check(changed(found, 4, ids, mask), encoder)


def test_the_padding_token_is_never_learnt(house: House, encoder: Encoder) -> None:
    found = examples(house, encoder)
    one = found[3].sequences[0]
    ids = [*one.ids]
    ids[one.mask.index(True)] = encoder.pad_id
    with pytest.raises(ValueError, match="record c3: the padding token is supervised"):
        check(changed(found, 3, ids, one.mask), encoder)
    ids = [*one.ids]
    ids[one.mask.index(True) - 1] = encoder.pad_id
    assert check(changed(found, 3, ids, one.mask), encoder)["examples"] == 7


def test_a_template_that_pads_with_its_stop_token_is_refused(house: House, encoder: Encoder) -> None:
    template = make(Template, {"name": "alpaca", "bos": "<bos>", "eos": "<eos>", "pad": "<eos>"})
    alpaca = Encoder(encoder.tokenizer, template)
    with pytest.raises(ValueError, match="template 'alpaca' fills batches with '<eos>', which also ends an answer"):
        check(examples(house, alpaca), alpaca)
    sound = Encoder(encoder.tokenizer, make(Template, {"name": "alpaca", "bos": "<bos>", "eos": "<eos>"}))
    found = examples(house, sound)
    assert check(found, sound)["supervised_turns"] == len(found) > 3


def test_nothing_above_max_length_comes_through(house: House, encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"record c2: a sequence of 30 tokens came through although max_length is 29"):
        check(examples(house, encoder), encoder, max_length=29)


def test_running_text_has_no_turns(house: House, encoder: Encoder) -> None:
    objective = make(Objective, "causal_lm")
    found = take_in(house.make(house.texts), objective, encoder, max_length=32).examples
    figures = lint(found, objective, encoder, max_length=32)
    assert figures["supervised_share"] == pytest.approx(31 / 32, abs=0.01)
    assert "supervised_turns" not in figures


def slow(found: Sequence[Example], encoder: Encoder) -> bool:
    """Return whether every supervised run ends in a stop token: one token at a time."""
    for example in found:
        for sequence in example.sequences:
            for at, (token, counts) in enumerate(zip(sequence.ids, sequence.mask, strict=True)):
                goes_on = at + 1 < len(sequence.ids) and sequence.mask[at + 1]
                if counts and not goes_on and token not in encoder.stop_ids:
                    return False
    return True


def test_the_vectorised_check_agrees_with_the_obvious_one(
    house: House, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On sequences of random tokens and masks; the format's line break is left out, the obvious one knows none."""
    form = encoder.template.form()
    bare = replace_after(encoder, form)
    draw = random.Random(3)
    stop, verdicts = encoder.stop_ids[0], []
    for _ in range(300):
        found = []
        for number in range(3):
            length = draw.randint(2, 6)
            ids = [encoder.bos_id or 0, *(draw.choice([50, 51, stop, stop, stop]) for _ in range(length))]
            found.append(Example(str(number), (Encoded(ids, [False, *(draw.random() < 0.6 for _ in range(length))]),)))
        try:
            check(found, bare)
            verdicts.append(True)
        except ValueError:
            verdicts.append(False)
        assert verdicts[-1] == slow(found, encoder)
    assert 20 < sum(verdicts) < 280


def replace_after(encoder: Encoder, form: Any, after: str = "") -> Any:
    """Return an encoder whose template adds nothing, or something else, behind an assistant's turn."""
    from types import SimpleNamespace

    from msgspec import structs

    bare = structs.replace(form, assistant=structs.replace(form.assistant, after=after))
    template = SimpleNamespace(name="bare", form=lambda: bare)
    names = ("tokenizer", "bos_id", "eos_id", "pad_id", "stop_ids")
    return SimpleNamespace(template=template, **{name: getattr(encoder, name) for name in names})


def dataset(
    house: House, encoder: Encoder, objective: Objective, *, packed: bool, rank: int = 0, processes: int = 1
) -> StepDataset:
    layout = Layout(tokens=120, pad_id=encoder.pad_id, packed=packed, share=packed)
    work = Work(objective, examples(house, encoder, objective), {}, layout)
    return StepDataset(work, [[0, 1, 2, 3], [4, 5, 6]], rank, processes)


@pytest.mark.parametrize("objective", [SFT, DPO], ids=["sft", "dpo"])
@pytest.mark.parametrize("packed", [True, False])
def test_sound_batches_pass_however_they_are_laid(
    house: House, encoder: Encoder, objective: Objective, packed: bool
) -> None:
    for rank in (0, 1):
        lint_batches(dataset(house, encoder, objective, packed=packed, rank=rank, processes=2))


def shift(batch: Batch) -> Batch:
    return replace(batch, column_N=batch.column_N - 1)


def swap(batch: Batch) -> Batch:
    return replace(batch, sequence_N=batch.sequence_N.flip(0))


def lose(batch: Batch) -> Batch:
    kept = torch.arange(len(batch.target_N)) != 1
    names = ("row_N", "column_N", "target_N", "sequence_N")
    return replace(batch, **{name: getattr(batch, name)[kept] for name in names})


def learn_another(batch: Batch) -> Batch:
    return replace(batch, target_N=batch.target_N.roll(1))


@pytest.mark.parametrize("spoil", [shift, swap, lose, learn_another])
@pytest.mark.parametrize("packed", [True, False])
def test_a_batch_laid_wrong_is_named(
    house: House, encoder: Encoder, packed: bool, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = dataset(house, encoder, DPO, packed=packed)
    sound = type(steps).__getitem__

    def spoilt(self: StepDataset, step: int) -> Any:
        found = sound(self, step)
        return replace(found, micro=[spoil(found.micro[0]), *found.micro[1:]]) if step == 1 else found

    monkeypatch.setattr(StepDataset, "__getitem__", spoilt)
    with pytest.raises(ValueError, match=r"step 2: its batches do not supervise.*Records: p4, p5, p6"):
        lint_batches(steps)


def test_a_place_of_padding_predicts_nothing(house: House, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids alone look right; the mask says that the place is padding."""
    steps = dataset(house, encoder, SFT, packed=False)
    sound = type(steps).__getitem__

    def spoilt(self: StepDataset, step: int) -> Any:
        found = sound(self, step)
        mask = found.micro[0].attention_mask_BT
        assert mask is not None
        mask[0, int(found.micro[0].column_N[0])] = 0
        return found

    monkeypatch.setattr(StepDataset, "__getitem__", spoilt)
    with pytest.raises(ValueError, match="step 1: its batches"):
        lint_batches(steps)


@pytest.mark.parametrize("make_step", [sft, dpo, pretraining])
def test_a_training_writes_its_figures(house: House, make_step: Any) -> None:
    artifact = house.make(make_step(house, guards={"probes": 0}))
    figures = json.loads((artifact.path / "lint.json").read_text(encoding="utf-8"))
    assert set(figures) == ({"train"} if make_step is pretraining else {"train", "held_out"})
    assert figures["train"]["examples"] == artifact.summary["examples"]
    assert 0 < figures["train"]["supervised_share"] < 1
    assert artifact.manifest.files["lint.json"].role == "result"


def test_a_mistake_stops_the_training_before_its_first_step(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Encoder, "stop_ids", property(lambda self: (3,)))
    with pytest.raises(ValueError, match="record c0: an assistant turn does not end"):
        house.make(sft(house, seed=77))
