"""The generated sources: same bytes for a seed, two disjoint parts, fair choices, prose that states what it must."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, cast

import msgspec
import pytest
from pydantic import ValidationError

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.generator.library import kinds
from zhiyin.data.generator.pairs import FAULTS
from zhiyin.data.generator.questions import LETTER_SHARE, LETTERS
from zhiyin.data.sources import Row, Source
from zhiyin.data.sources.generated_instructions import GeneratedInstructions
from zhiyin.data.sources.generated_preferences import GeneratedPreferences
from zhiyin.data.sources.generated_prose import GeneratedProse
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.preference import Preference

FACTS = {fact.key: fact for kind in kinds() for fact in kind.facts}
EXAM = 600


def records(source: Source) -> list[Document | Conversation | Preference]:
    return [source.record(row) for row in source.rows() if isinstance(row, Row)]


def documents(count: int, seed: int = 0) -> list[Document]:
    return cast(list[Document], records(GeneratedProse(count=count, seed=seed)))


def conversations(
    part: Literal["train", "held_out"], count: int, style: Literal["brief", "verbose", "mixed"] = "brief", seed: int = 0
) -> list[Conversation]:
    source = GeneratedInstructions(part=part, count=count, style=style, seed=seed)
    return cast(list[Conversation], records(source))


def preferences(part: Literal["train", "held_out"], count: int, seed: int = 0) -> list[Preference]:
    return cast(list[Preference], records(GeneratedPreferences(part=part, count=count, seed=seed)))


def roots(found: Sequence[Conversation | Preference]) -> set[str]:
    return {FACTS[str(record.meta["fact"])].root for record in found}


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        (GeneratedProse(count=50, seed=1), GeneratedProse(count=50, seed=1), GeneratedProse(count=50, seed=2)),
        (
            GeneratedInstructions(part="train", count=50, style="mixed", seed=1),
            GeneratedInstructions(part="train", count=50, style="mixed", seed=1),
            GeneratedInstructions(part="train", count=50, style="mixed", seed=2),
        ),
        (
            GeneratedPreferences(part="held_out", count=50, seed=1),
            GeneratedPreferences(part="held_out", count=50, seed=1),
            GeneratedPreferences(part="held_out", count=50, seed=2),
        ),
    ],
)
def test_the_seed_decides_every_byte(first: Source, same: Source, other: Source) -> None:
    encoded = [msgspec.json.encode(records(source)) for source in (first, same, other)]
    assert encoded[0] == encoded[1] != encoded[2]
    assert len(records(first)) == 50


def test_the_bytes_are_the_known_ones() -> None:
    """A change of facts, wording or drawing changes what recipes train on: it must be meant, and raise a version."""
    made = [documents(100), conversations("train", 100, "mixed"), preferences("train", 100)]
    assert hashlib.sha256(msgspec.json.encode(made)).hexdigest()[:16] == "40a735cc03ad26e6"


def test_each_source_says_what_it_yields() -> None:
    assert GeneratedProse.yields is TextSet
    assert GeneratedInstructions.yields is ConversationSet
    assert GeneratedPreferences.yields is PreferenceSet


def test_ids_and_questions_are_unique() -> None:
    for part in ("train", "held_out"):
        asked = conversations(part, 2500)
        assert len({record.id for record in asked}) == 2500
        assert len({record.messages[0].content for record in asked}) == 2500
        assert len({pair.id for pair in preferences(part, 2500)}) == 2500
    assert len({document.id for document in documents(2500)}) == 2500


def test_the_two_parts_share_no_fact_and_no_root() -> None:
    train, exam = conversations("train", 4000), conversations("held_out", 2500, seed=7)
    assert roots(train).isdisjoint(roots(exam))
    assert roots(preferences("train", 4000, seed=3)).isdisjoint(roots(exam))
    assert roots(preferences("held_out", 2500)).isdisjoint(roots(train))
    assert {FACTS[str(record.meta["fact"])].part for record in exam} == {"held_out"}


def test_the_exam_is_large_varied_and_asks_no_fact_twice() -> None:
    exam = conversations("held_out", EXAM)
    assert len({record.messages[0].content for record in exam}) == EXAM >= 500
    assert len({record.meta["fact"] for record in exam}) == EXAM
    counts = Counter(record.kind for record in exam)
    assert len(counts) >= 20
    assert max(counts.values()) <= 0.2 * EXAM
    unseen = sum(bool(record.meta["unseen"]) for record in exam)
    assert 0.05 * EXAM < unseen < 0.3 * EXAM


def test_four_different_choices_one_of_them_right() -> None:
    for record in conversations("held_out", 2000) + conversations("train", 2000):
        choices, fact = cast(list[str], record.meta["choices"]), FACTS[str(record.meta["fact"])]
        assert len(set(choices)) == len(choices) == 4
        assert [choice for choice in choices if choice not in fact.wrong] == [fact.answer] == [record.meta["answer"]]


def test_the_right_choice_stands_anywhere() -> None:
    exam = conversations("held_out", 2000)
    places = Counter(cast(list[str], record.meta["choices"]).index(str(record.meta["answer"])) for record in exam)
    chi_square = sum((places[place] - 500) ** 2 / 500 for place in range(4))
    assert chi_square < 16.27, "3 degrees of freedom, p = 0.001"


def test_a_letter_question_shows_its_choices_and_is_answered_by_the_letter() -> None:
    asked = conversations("train", 4000, "mixed")
    letters = [record for record in asked if record.meta["form"] == "letters"]
    assert abs(len(letters) / len(asked) - LETTER_SHARE) < 0.03
    for record in letters:
        question, *lines = record.messages[0].content.split("\n")
        shown = dict(line.split(". ") for line in lines)
        assert question in FACTS[str(record.meta["fact"])].questions
        assert list(shown) == list(LETTERS)
        assert shown[record.messages[1].content] == record.meta["answer"]
    assert not [record for record in conversations("held_out", 500) if record.meta["form"] == "letters"]


def test_styles_are_what_they_say() -> None:
    brief, verbose, mixed = (conversations("held_out", 400, style) for style in ("brief", "verbose", "mixed"))
    assert all(record.messages[1].content == f"{record.meta['answer']}。" for record in brief)
    assert max(len(record.messages[1].content) for record in brief) <= 12
    for record in verbose:
        text = record.messages[1].content
        assert len(text) > 20
        assert f"答案是{record.meta['answer']}。" in text
        assert FACTS[str(record.meta["fact"])].statements[0] in text
    assert 0.4 < sum(record.meta["style"] == "brief" for record in mixed) / 400 < 0.6


def test_a_pair_is_right_and_brief_over_its_fault() -> None:
    found = preferences("train", 4000)
    faults = Counter(str(pair.meta["fault"]) for pair in found)
    assert set(faults) == set(FAULTS)
    for fault, share in FAULTS.items():
        assert abs(faults[fault] / 4000 - share) < 0.03
    for pair in found:
        fact = FACTS[str(pair.meta["fact"])]
        assert pair.chosen == f"{fact.answer}。"
        brief, right = len(pair.rejected) <= 12, f"{fact.statements[0]}。" in pair.rejected
        assert (brief, right) == {
            "wrong": (True, False), "rambling": (False, True), "wrong and rambling": (False, False),
        }[str(pair.meta["fault"])]  # fmt: skip


def plainly(text: str) -> str:
    """Take the pauses out of prose, and the commas that a pause may have replaced."""
    for pause in ("（想一想）", "……没错，是", "——不用说，就是", "，"):
        text = text.replace(pause, "")
    return text


def test_prose_states_every_fact_but_the_unseen_ones() -> None:
    text = plainly("".join(document.text for document in documents(12_000)))
    sentences = set(re.split("。|：|……想起来了", text))
    unseen = [fact for fact in FACTS.values() if fact.unseen]
    assert 80 < len(unseen) < 400
    for fact in unseen:
        assert not any(plainly(claim) in sentences for claim in fact.statements), fact.key
        assert not any(f"{plainly(claim)}。" in text for claim in fact.statements), fact.key
    for fact in FACTS.values():
        assert fact.unseen or any(plainly(claim) in sentences for claim in fact.statements), fact.key


def test_training_records_name_no_unseen_fact() -> None:
    for record in conversations("train", 4000, "verbose"):
        assert not record.meta["unseen"]


def test_prose_is_in_short_paragraphs_on_one_topic_or_several() -> None:
    found = documents(3000)
    lengths = [len(document.text) for document in found]
    assert min(lengths) >= 50
    assert max(lengths) <= 150
    counts = Counter(document.kind for document in found)
    assert set(counts) == {kind.name for kind in kinds()} | {"mixed"}
    assert all(document.text.endswith("。") for document in found)
    assert sum(first.text == second.text for first, second in pairwise(found)) == 0


def test_prose_makes_a_reader_look_back() -> None:
    """Plain statements alone teach facts that cannot be asked for: some pause, some begin twice (see `prose`)."""
    sentences = [sentence for document in documents(3000) for sentence in document.text.split("。")[:-1]]
    twice = [sentence.split("……想起来了，") for sentence in sentences if "……想起来了，" in sentence]
    statements = {statement for fact in FACTS.values() if not fact.unseen for statement in fact.statements}
    assert 0.2 < len(twice) / len(sentences) < 0.4
    assert all(whole in statements for _, whole in twice)
    paused = sum("（想一想）" in sentence or "没错，是" in sentence or "不用说，" in sentence for sentence in sentences)
    assert 0.15 < paused / len(sentences) < 0.4


def test_only_some_kinds_can_be_asked_for() -> None:
    source = GeneratedInstructions(part="train", count=60, kinds=("capital", "idiom"))
    counts = Counter(cast(Conversation, record).kind for record in records(source))
    assert counts == {"capital": 30, "idiom": 30}
    with pytest.raises(ValueError, match=r"no generated kind is called \['capitals'\]; there are capital, "):
        list(GeneratedInstructions(part="train", count=1, kinds=("capitals",)).rows())


def test_more_than_there_is_is_refused_with_the_number() -> None:
    with pytest.raises(ValueError, match=r"100000 held_out questions were asked for, and there are \d{4} in 21 kinds"):
        list(GeneratedInstructions(part="held_out", count=100_000).rows())
    with pytest.raises(ValidationError, match="greater than 0"):
        GeneratedProse(count=0)


def test_prose_comes_fast() -> None:
    """Some 40,000 paragraphs a second of one core's time; an eighth of that is asked for."""
    start = time.process_time()
    documents(5000)
    assert time.process_time() - start < 1.0
