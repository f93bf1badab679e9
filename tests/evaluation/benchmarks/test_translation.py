"""Translations from prompts to a score of the corpus with its interval, and the paired comparison of two models."""

from pathlib import Path

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from tests.evaluation.desk import Desk, given, make_benchmark

from zhiyin.artifacts import ConversationSet, TextSet, Verdict
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Completion

PAIRS = [
    Conversation(f"t{n}", (Message("user", f"把下面的话译成中文：line {n}"), Message("assistant", text)), "test")
    for n, text in enumerate(["今天天气很好。", "他昨天买了一本书。", "会议将于周一举行。", "The cat sat on the mat."])
]


def test_the_translation_is_the_reference_and_its_language_the_group(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "translation"})
    prompts = list(benchmark.prompts(ConversationSet(ConversationSet.write(tmp_path, PAIRS).path)))
    assert [prompt.group for prompt in prompts] == ["to Chinese"] * 3 + ["from Chinese"]
    assert (prompts[0].messages, prompts[0].reference) == (PAIRS[0].messages[:1], "今天天气很好。")
    perfect = Completion("t0", text="今天天气很好。", stopped="stop")
    marks = {mark.measure: mark.value for mark in benchmark.marks(prompts[0], perfect)}
    assert marks == {"bleu": pytest.approx(100), "chrf": pytest.approx(100), "characters": 7}
    with pytest.raises(ValueError, match="prompt t0: no answer was generated"):
        list(benchmark.marks(prompts[0], Completion("t0")))


def test_the_score_is_that_of_all_answers_together_and_its_interval_holds_it(desk: Desk) -> None:
    prompts = desk.prepared({"name": "translation"}, given(PAIRS))
    scored = desk.run(desk.scored(prompts, "skilled", 0.5))
    answers = list(desk.run(desk.answered(prompts, "skilled", 0.5)).of(desk.run(prompts)))
    texts, references = [one.text for one in answers[:3]], [[pair.messages[-1].content for pair in PAIRS[:3]]]
    groups = {(one.measure, one.group): one for one in scored.scores}
    bleu, chrf = groups["bleu", "to Chinese"], groups["chrf", "to Chinese"]
    assert bleu.mean == pytest.approx(BLEU(tokenize="zh").corpus_score(texts, references).score)
    assert chrf.mean == pytest.approx(CHRF().corpus_score(texts, references).score)
    assert 0 <= bleu.low <= bleu.mean <= bleu.high <= 100
    assert groups["bleu", ""].count == 4


def test_two_models_are_compared_by_their_corpora(desk: Desk) -> None:
    prompts = desk.prepared({"name": "translation"}, given(PAIRS))
    sides = desk.scored(prompts, "skilled", 0.0), desk.scored(prompts, "skilled", 1.0)
    found: Verdict = desk.run(desk.gated(*sides, measures=("bleu", "chrf"), expect="rise"))
    before, after = (desk.run(side).overview.measures["bleu"].mean for side in sides)
    (bleu, chrf) = found.comparisons
    assert (bleu.before, bleu.after, bleu.p) == (before, after, None)
    assert bleu.difference == pytest.approx(after - before)
    assert bleu.low <= bleu.difference <= bleu.high
    assert (bleu.gained, chrf.lost) == (4, 0)
    assert found.summary["passed"] is True


def test_what_is_no_pair_is_named(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "translation"})
    for messages in (PAIRS[0].messages[:1], PAIRS[0].messages[1:], ()):
        records = ConversationSet(ConversationSet.write(tmp_path, [Conversation("x", messages, "test")]).path)
        with pytest.raises(ValueError, match="record x: it must end in an answer"):
            list(benchmark.prompts(records))
    with pytest.raises(TypeError, match="reads a ConversationSet"):
        list(benchmark.prompts(TextSet(tmp_path)))
