"""Records as tokens: lengths by source and kind, and whole characters with the mask of the loss."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as drawn
from tests.chat.toys import calm, conversations, decoded, scored, small_encoder
from tests.data.stand_ins import given, made
from tests.report.conftest import CHROMIUM, needs_chromium

from zhiyin.artifacts import Inspection, Tokenizer
from zhiyin.chat.encode import Encoded
from zhiyin.chat.template import load_encoder, write_tokenizer
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.gemma2_system import Gemma2System
from zhiyin.data.inspect_records import Config, inspect_records
from zhiyin.data.inspection_page import visible
from zhiyin.data.length_table import Group
from zhiyin.data.token_pieces import Unusable, encoded, pieces
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference

ENCODER = small_encoder(Gemma2())


class Nothing(StepConfig):
    """Nothing to set."""


def tokenizer(config: Nothing, *, out: Path, runtime: Runtime) -> Tokenizer:
    write_tokenizer(ENCODER.tokenizer, Gemma2(), out)
    return Tokenizer(out)


def inspected(sets: dict[str, Step[Any]], runtime: Runtime, **fields: Any) -> Inspection:
    inputs: dict[str, Any] = {"records": sets, "tokenizer": step(tokenizer, Nothing())}
    result: Inspection = made(step(inspect_records, Config.model_validate(fields), inputs), runtime)
    return result


def talk(key: str, question: str, answer: str, kind: str = "") -> Conversation:
    return Conversation(key, (Message("user", question), Message("assistant", answer)), "s", kind)


TALKS = [talk(str(n), "问" * (n + 1), "答案𠮷" * n + "。", "诗" if n % 2 else "") for n in range(20)]
PAIRS = [Preference("p", (Message("user", "问"),), "好", "很不好的回答", "q")]
TEXTS = [Document("d", "春眠不觉晓", "t")]


@drawn(conversations())
@calm
def test_pieces_are_the_text_with_its_mask(messages: list[Message]) -> None:
    one = ENCODER.conversation(messages)
    found = list(pieces(one, lambda ids: decoded(ENCODER, ids)))
    assert "".join(piece.text for piece in found) == decoded(ENCODER, one.ids)
    assert [id for piece in found for id in piece.ids] == one.ids
    learnt = "".join(piece.text for piece in found if piece.supervised)
    assert scored(ENCODER, one.ids, one.mask) in learnt


def test_a_character_of_several_tokens_is_one_piece() -> None:
    one = ENCODER.conversation([Message("user", "好"), Message("assistant", "𠮷")])
    found = [piece for piece in pieces(one, lambda ids: decoded(ENCODER, ids)) if piece.supervised]
    assert [piece.text for piece in found] == ["𠮷", "<end_of_turn>"]
    assert len(found[0].ids) > 1


def test_a_space_that_a_decoder_drops_at_the_beginning_is_kept_inside() -> None:
    words = {1: "▁the", 2: "▁cat", 3: "s"}

    def decode(ids: list[int]) -> str:
        return "".join(words[id] for id in ids).replace("▁", " ").removeprefix(" ")

    found = pieces(Encoded([1, 2, 3, 2], [False, True, True, False]), decode)
    assert [(piece.text, piece.supervised) for piece in found] == [
        ("the", False),
        (" cat", True),
        ("s", True),
        (" cat", False),
    ]


def test_every_kind_of_record_is_encoded_as_training_does() -> None:
    longer = [Message("user", "问"), Message("assistant", "很不好的回答")]
    bad = Conversation("x", (Message("assistant", "答"),), "s")
    text, conversation, preference, unusable = encoded([TEXTS[0], TALKS[0], PAIRS[0], bad], ENCODER)
    assert not isinstance(text, Unusable)
    assert text.ids == ENCODER.texts(["春眠不觉晓"])[0]
    assert all(text.mask)
    assert conversation == ENCODER.conversation(TALKS[0].messages)
    assert preference == ENCODER.conversation(longer, last_only=True)
    assert isinstance(unusable, Unusable)
    assert unusable.id == "x"


def test_lengths_are_those_of_a_sorted_list() -> None:
    group = Group(supervised=50, characters=30, content=20)
    group.lengths.extend(range(100, 0, -1))
    row = group.row("gemma2", "a", ("s", "k"), limit=97)
    assert (row.records, row.mean, row.median, row.most_of, row.longest, row.over) == (100, 50.5, 50, 95, 100, 3)
    assert (row.supervised, row.characters_per_token) == (50 / 5050, 1.5)
    one = Group()
    one.lengths.append(7)
    assert one.row("gemma2", "a", ("s", ""), 7).most_of == 7


def test_sets_are_counted_by_source_and_kind_and_shown_by_seed(runtime: Runtime) -> None:
    sets = {"talks": given(TALKS), "pairs": given(PAIRS), "texts": given(TEXTS)}
    found = inspected(sets, runtime, max_length=60, samples=3)
    rows = {(row.set, row.source, row.kind): row for row in found.lengths}
    assert {key: row.records for key, row in rows.items()} == {
        ("talks", "s", ""): 10,
        ("talks", "s", "诗"): 10,
        ("pairs", "q", ""): 1,
        ("texts", "t", ""): 1,
    }
    whole = {record.id: len(ENCODER.conversation(record.messages).ids) for record in TALKS}
    odd = [length for key, length in whole.items() if int(key) % 2]
    assert rows["talks", "s", "诗"].mean == sum(odd) / 10
    assert rows["talks", "s", "诗"].over == sum(length > 60 for length in odd) > 0
    assert found.summary["gemma2"]["talks"]["over"] == sum(length > 60 for length in whole.values())
    assert found.summary["gemma2"]["talks"]["unusable"] == 0
    own = [record.messages[turn].content for record in TALKS for turn in (0, 1)]
    per_token = sum(map(len, own)) / sum(map(len, ENCODER.texts(own)))
    assert found.summary["gemma2"]["talks"]["characters_per_token"] == round(per_token, 3)
    shown = list(found.samples)
    assert [(one.set, one.kind) for one in shown] == [
        *[("talks", "")] * 3,
        *[("talks", "诗")] * 3,
        ("pairs", ""),
        ("texts", ""),
    ]
    assert all(one.over == (one.tokens > 60) for one in shown)
    other = inspected(sets, runtime, max_length=60, samples=3, seed=1)
    assert [one.id for one in other.samples] != [one.id for one in shown]


def test_templates_are_compared_and_what_they_cannot_render_is_named(runtime: Runtime) -> None:
    alone = Conversation("x", (Message("user", "问"), Message("user", "问")), "s")
    found = inspected({"talks": given([*TALKS, alone])}, runtime, templates=["gemma2", "gemma2_system"])
    assert {row.template for row in found.lengths} == {"gemma2", "gemma2_system"}
    expected = small_encoder(Gemma2System())
    longest = max(len(expected.conversation(record.messages).ids) for record in TALKS)
    assert max(row.longest for row in found.lengths if row.template == "gemma2_system") == longest
    facts = found.summary["gemma2"]["talks"]
    assert (facts["records"], facts["unusable"]) == (20, 1)
    assert facts["first_unusable"].startswith("x: ")
    page = (found.path / "inspection.html").read_text(encoding="utf-8")
    assert "1 records of talks do not fit the template gemma2; first x: " in page


def test_the_page_holds_the_tokens_and_nothing_from_elsewhere(runtime: Runtime) -> None:
    record = talk("<1>", "一\n<b>二</b>", "  def f():\n\u3000return")
    page = (inspected({"talks": given([record])}, runtime).path / "inspection.html").read_text(encoding="utf-8")
    assert "&lt;1&gt;" in page
    assert "<b>二" not in page
    assert "&lt;end_of_turn&gt;</b>" in page
    assert "&lt;bos&gt;</i>" in page
    assert "↵" in page
    assert "http" not in page.replace("http-equiv", "")


@needs_chromium
@pytest.mark.browser
def test_the_table_fits_into_a_window(runtime: Runtime) -> None:
    """The names are as long as those of real sets; a column that is cut off shows half a number."""
    from playwright.sync_api import sync_playwright

    turns = (Message("user", "问"), Message("assistant", "答"))
    record = Conversation("x", turns, "alpaca_gpt4_silk_road", "modern_poetry_creation")
    for language in ("zh", "en"):
        found = inspected({"counselling": given([record])}, runtime, templates=["gemma2"], language=language)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto((found.path / "inspection.html").as_uri())
            table = tab.locator(".scroll")
            assert table.evaluate("one => one.scrollWidth <= one.clientWidth")
            browser.close()


def test_a_long_record_is_cut_between_characters(runtime: Runtime) -> None:
    whole = ENCODER.conversation(TALKS[9].messages)
    for limit in range(8, 16):
        cut = inspected({"talks": given([TALKS[9]])}, runtime, shown_tokens=limit)
        (one,) = cut.samples
        shown = [id for piece in one.pieces for id in piece.ids]
        assert shown == whole.ids[: len(shown)]
        assert limit - 4 < len(shown) <= limit
        assert "\ufffd" not in "".join(piece.text for piece in one.pieces)
        assert one.rest == len(whole.ids) - len(shown)
    assert f"{one.rest} more tokens" in (cut.path / "inspection.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "seen"), [("a b", "a·b"), ("\t", "\u2409"), ("一\n", "一↵"), ("\u3000", "□")])
def test_what_no_one_sees_is_shown(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_the_encoder_of_the_artifact_is_the_one_that_was_written(tmp_path: Path) -> None:
    write_tokenizer(ENCODER.tokenizer, Gemma2(), tmp_path)
    turns = TALKS[3].messages
    assert load_encoder(tmp_path).conversation(turns) == ENCODER.conversation(turns)
