"""Plain text: no control token in it, every token at its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chat.toys import GEMMA, calm, hostile, train
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing

from zhiyin.chat.spans import PlainText, Span

CONTROLS = ("<start_of_turn>", "<end_of_turn>")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Return a tokenizer whose post-processor adds BOS and takes white space off the offsets, as many do."""
    trained = train(GEMMA, ["春眠不觉晓 hello <|x|> <| |>"])
    trained.post_processor = Sequence(
        [ByteLevel(trim_offsets=True), TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])]
    )
    return trained


@calm
@given(texts=st.lists(hostile, max_size=5, unique=True))
def test_ids_and_marks(tokenizer: Tokenizer, texts: list[str]) -> None:
    plain = PlainText(tokenizer, CONTROLS)
    every = [Span(text, ((at, at + 1),)) for text in texts for at in range(len(text))]
    found = plain.encode(every)
    for text, ids in zip(texts, plain.ids(texts), strict=True):
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
        assert not set(ids) & set(range(len(GEMMA)))
        marks = [found[span][1] for span in every if span.text == text]
        assert all(True in mark for mark in marks), "every character is in a token"
        assert all(map(any, zip(*marks, strict=True))), "every token holds a character"
        assert all(found[span][0] == ids for span in every if span.text == text)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a sequence"])
def test_behind_a_control_token_no_word_is_the_first(alone: bool) -> None:
    space = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer = Tokenizer(models.BPE({"<s>": 0, "\u2581": 1, "春": 2, "眠": 3}, []))
    tokenizer.pre_tokenizer = space if alone else pre_tokenizers.Sequence([pre_tokenizers.Digits(), space])
    tokenizer.add_special_tokens(["<s>"])
    plain = PlainText(tokenizer, ("<s>",))
    first, behind = Span("春 眠", ((2, 3),)), Span("春 眠", ((2, 3),), behind=True)
    found = plain.encode([first, behind])
    assert found[first] == ([1, 2, 1, 3], [False, False, False, True])
    assert plain.ids(["春 眠", "春 眠"]) == [[1, 2, 1, 3]] * 2
    assert [0, *found[behind][0]] == tokenizer.encode("<s>春 眠").ids == [0, 2, 1, 3]
    assert found[behind][1] == [False, False, True]


def test_a_control_string_is_tokenised_like_any_text(tokenizer: Tokenizer) -> None:
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.add_special_tokens(["<|x|>"])
    (ids,) = PlainText(tokenizer, CONTROLS).ids(["<|x|>"])
    assert [tokenizer.id_to_token(id) for id in ids] == ["<|", "x", "|>"]


def test_only_special_tokens_and_controls_are_kept_out(tokenizer: Tokenizer) -> None:
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.add_tokens([AddedToken("<think>"), AddedToken("<tool>")])
    (ids,) = PlainText(tokenizer, ("<think>",)).ids(["<think><tool>"])
    assert tokenizer.token_to_id("<tool>") in ids
    assert tokenizer.token_to_id("<think>") not in ids


def test_a_control_string_of_one_character_in_the_vocabulary_is_an_error() -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("\u2581", 0.0), ("春", -5.0)], unk_id=0))
    tokenizer.add_special_tokens(["\u2581"])
    with pytest.raises(ValueError, match="reads '\u2581' as a control token, even in plain text"):
        PlainText(tokenizer, ()).ids(["春\u2581"])
