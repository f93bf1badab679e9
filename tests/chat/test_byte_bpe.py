"""What tiktoken reads is what `tokenizers` reads, token by token, and what is not proven is left to `tokenizers`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chat.toys import CORPUS, GEMMA, calm, train
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import TikTokenConverter

from zhiyin.chat import byte_bpe, spans
from zhiyin.chat.byte_bpe import ByteBpe
from zhiyin.chat.spans import PlainText, Ranges, Span

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
RANKS = DATA / "tokenizers" / "llama3" / "tokenizer.model"
DEMO = DATA / "llamafactory_demo"
SPECIAL = ("<pad>", "<eos>")
NAMES = ("words", "digits", "llama3", "qwen2")
LETTERS = sorted(map(chr, byte_bpe._BYTES))


def trained(name: str) -> Tokenizer:
    """Return a tokenizer that cuts words in one of the known ways, with few enough words to be cut short often."""
    tokenizer = Tokenizer(models.BPE())
    steps: dict[str, list[Any]] = {
        "words": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
        "digits": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
        **{
            kind: [pre_tokenizers.Split(Regex(words), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
            for kind, words in (("llama3", byte_bpe._LLAMA3), ("qwen2", byte_bpe._QWEN2))
        },
    }
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps[name])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*CORPUS, "  a\n\n b  \r\n", "it's we'll 2024 10 100", "é́ 😀😀"] * 9, trainer)
    return tokenizer


def fast(tokenizer: Tokenizer, forbidden: Sequence[int] = (0, 1)) -> ByteBpe | None:
    form = byte_bpe.form(json.loads(tokenizer.to_str()))
    return None if form is None else byte_bpe.proven(form, tokenizer, set(forbidden))


def slow_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    twin = Tokenizer.from_str(tokenizer.to_str())
    twin.encode_special_tokens = True
    return [one.ids for one in twin.encode_batch(texts, add_special_tokens=False)]


def slow_mask(tokenizer: Tokenizer, text: str, ranges: Ranges) -> list[bool]:
    """Return what the offsets of `tokenizers` say."""
    twin = Tokenizer.from_str(tokenizer.to_str())
    twin.encode_special_tokens = True
    offsets = twin.encode(text, add_special_tokens=False).offsets
    return [any(start < high and end > low for low, high in ranges) for start, end in offsets]


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    """Return a tokenizer of each known form."""
    return trained(request.param)


@pytest.fixture(scope="module")
def bpe(tokenizer: Tokenizer) -> ByteBpe:
    """Return the same for tiktoken."""
    found = fast(tokenizer)
    assert found is not None
    return found


CLUSTERS = ("\r\n", "'S", "'ſ", "'ll", "'LL", "👨\u200d👩", "e\u0301\u0327", "  ", "\n \n", "<eos>", "١٢", "春眠")
odd = st.sampled_from([*"\r\n\t\x00\x1f\x7f\x85\xa0\u200b\u200d\u2028\u3000\ufe0f\ufeff\u0301ſŉ½Ⅷ𠀀😀", *CLUSTERS])
wild = st.lists(st.one_of(odd, st.text(max_size=3), st.text("春眠 a1.'\n", max_size=9)), max_size=12).map("".join)


@calm
@given(texts=st.lists(wild, max_size=5))
def test_ids_are_those_of_tokenizers(tokenizer: Tokenizer, bpe: ByteBpe, texts: list[str]) -> None:
    some = [text for text in texts if bpe.reads(text)]
    assert bpe.ids(some) == slow_ids(tokenizer, some)


@calm
@given(text=wild, cuts=st.lists(st.integers(0, 40), max_size=6, unique=True))
def test_masks_are_those_of_offsets(tokenizer: Tokenizer, bpe: ByteBpe, text: str, cuts: list[int]) -> None:
    places = sorted(min(cut, len(text)) for cut in cuts)
    ranges = tuple((low, high) for low, high in zip(places[::2], places[1::2], strict=False) if low < high)
    if bpe.reads(text):
        (ids,) = bpe.ids([text])
        assert bpe.mask(text, ids, ranges) == slow_mask(tokenizer, text, ranges)


@calm
@given(text=st.text("春眠不a ", min_size=2, max_size=12), at=st.integers(1, 11))
def test_ranges_that_touch(tokenizer: Tokenizer, bpe: ByteBpe, text: str, at: int) -> None:
    at = min(at, len(text) - 1)
    (ids,) = bpe.ids([text])
    for ranges in (((0, at), (at, len(text))), ((0, at),), ((at, len(text)),)):
        assert bpe.mask(text, ids, ranges) == slow_mask(tokenizer, text, ranges)


@pytest.mark.slow
def test_every_character_is_read_alike(tokenizer: Tokenizer, bpe: ByteBpe) -> None:
    """In front of, behind and between letters, digits, marks, white space and itself."""
    points = [chr(point) for point in (*range(0xD800), *range(0xE000, 0x40000), *range(0x40000, sys.maxunicode, 97))]
    read = list(filter(bpe.reads, points))
    assert len(points) - len(read) == len(byte_bpe._disputed()) < 100
    for start in range(0, len(read), 65_536):
        texts = [f"a{c} {c}1{c}'{c}.{c}\n{c}a{c}{c}  {c}\r{c}'s{c}" for c in read[start : start + 65_536]]
        assert bpe.ids(texts) == slow_ids(tokenizer, texts)


def test_characters_that_the_libraries_take_differently_are_left_alone(tokenizer: Tokenizer, bpe: ByteBpe) -> None:
    """Tables of Unicode differ by version: of these digits one part of `tokenizers` knows, the others do not."""
    disputed = byte_bpe._disputed()
    assert not any(bpe.reads(f"一{character}") for character in disputed)
    plain = PlainText(tokenizer, ())
    plain._fast, plain._form = bpe, None
    texts = [f"a{character} {character}1" for character in [*disputed, "二"]]
    assert plain.ids(texts) == slow_ids(tokenizer, texts)


def test_a_table_of_another_version_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that takes a Chinese digit for a number."""
    monkeypatch.setattr(byte_bpe, "_cut_off", lambda text: {"三", *filter(str.isnumeric, "012")})
    assert "三" in byte_bpe._disputed.__wrapped__()


@pytest.mark.parametrize("run", [" ", "\n", "a", "的", "1", "。", " \n", "\r\n", "  a", "!\n", "春眠不觉晓", "\u3000"])
def test_long_runs_without_a_border(tokenizer: Tokenizer, bpe: ByteBpe, run: str) -> None:
    text = (run * byte_bpe.LONGEST)[: byte_bpe.LONGEST - 1] + "b"
    assert bpe.reads(text)
    assert bpe.ids([text]) == slow_ids(tokenizer, [text])
    assert not bpe.reads(text + "b")


def test_half_a_surrogate_pair_is_no_text(bpe: ByteBpe) -> None:
    assert not bpe.reads("春\ud800")


def test_threads_keep_the_order(bpe: ByteBpe, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{number} 春眠 {number * 7}" for number in range(3 * byte_bpe.AT_ONCE + 5)]
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    assert byte_bpe._threads() == 1
    alone = bpe.ids(texts)
    for threads in (2, 3, 8):
        monkeypatch.setattr(byte_bpe, "_threads", lambda threads=threads: threads)
        assert bpe.ids(texts) == alone


@calm
@given(texts=st.lists(wild, max_size=5, unique=True))
def test_plain_text_reads_alike_before_and_after_the_proof(tokenizer: Tokenizer, texts: list[str]) -> None:
    before, after = PlainText(tokenizer, SPECIAL), PlainText(tokenizer, SPECIAL)
    before._form = None
    some = [Span(text, ((0, len(text) // 2),) if len(text) > 1 else (), behind=True) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "WORTH", 0)
        assert after.encode(some) == before.encode(some)
    assert after._fast is not None


def test_the_proof_waits_until_it_is_worth_it(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "WORTH", 20)
    plain = PlainText(tokenizer, SPECIAL)
    plain.ids(["春" * 9, "春" * 10])
    assert plain._fast is None
    plain.ids(["春"])
    assert plain._fast is not None


def test_added_words_are_found_by_tokenizers(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "WORTH", 0)
    changed = Tokenizer.from_str(tokenizer.to_str())
    changed.add_tokens([AddedToken("眠 不", rstrip=True)])
    plain = PlainText(changed, ())
    texts = ["春眠 不  觉", "春眠不觉", "<eos>"]
    assert plain.ids(texts) == slow_ids(changed, texts)
    assert plain._fast is not None
    assert [plain._fast.reads(text) for text in texts] == [False, True, True]


def by_hand(words: Sequence[str], merges: Sequence[tuple[str, str]], **fields: Any) -> Tokenizer:
    """Return a tokenizer of single bytes and some words, with ids in this order."""
    vocabulary = {word: id for id, word in enumerate([*LETTERS, *words])}
    tokenizer = Tokenizer(models.BPE(vocabulary, list(merges), **fields))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


PROPER = by_hand(["ab", "abc"], [("a", "b"), ("ab", "c")])


def unproven_tiktoken(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return what tiktoken makes of the vocabulary."""
    words = {
        word.translate(byte_bpe._BYTES).encode("latin-1"): id
        for word, id in tokenizer.get_vocab(with_added_tokens=False).items()
    }
    return ByteBpe(byte_bpe.Form(byte_bpe._GPT2, (), 0), words).ids([text])[0]


def test_a_vocabulary_made_by_hand_is_proven() -> None:
    assert fast(PROPER, ()) is not None
    ignoring = by_hand(["ab", "abcd"], [("a", "b")], ignore_merges=True)
    found = fast(ignoring, ())
    assert found is not None, "`abcd` alone is `ab`, `c`, `d`: nothing joins these"
    assert found.ids(["xabcd abcd"]) == slow_ids(ignoring, ["xabcd abcd"])
    assert json.loads(ignoring.to_str())["model"]["ignore_merges"], "the model is left as it was"


@pytest.mark.parametrize(
    ("tokenizer", "text"),
    [
        (by_hand(["ab", "bc"], [("b", "c"), ("a", "b")]), "abc"),
        (by_hand(["ab", "abc"], [("a", "b")], ignore_merges=True), "xabc"),
        (by_hand(["bc", "ab", "abc"], [("b", "c"), ("a", "b"), ("ab", "c")]), "abc"),
    ],
    ids=["merges out of order", "a word that ends as two tokens", "a word that is never made"],
)
def test_what_would_be_read_differently_is_not_proven(tokenizer: Tokenizer, text: str) -> None:
    assert fast(tokenizer, ()) is None
    assert [unproven_tiktoken(tokenizer, text)] != slow_ids(tokenizer, [text]), "the case is a real one"


def test_a_special_token_that_the_merges_make_is_not_proven() -> None:
    assert fast(PROPER, [len(LETTERS) + 1]) is None


def changed(tokenizer: Tokenizer, **fields: Any) -> Tokenizer:
    copy = Tokenizer.from_str(tokenizer.to_str())
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


@pytest.mark.parametrize(
    "tokenizer",
    [
        changed(PROPER, normalizer=normalizers.NFC()),
        changed(PROPER, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)),
        changed(PROPER, pre_tokenizer=pre_tokenizers.Whitespace()),
        changed(PROPER, pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False)])),
        changed(PROPER, pre_tokenizer=None),
        by_hand(["ab"], [("a", "b")], dropout=0.5),
        by_hand(["ab"], [("a", "b")], end_of_word_suffix="b"),
        train(GEMMA, split_words=False),
        Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0)),
    ],
)
def test_other_kinds_are_left_to_tokenizers(tokenizer: Tokenizer) -> None:
    assert byte_bpe.form(json.loads(tokenizer.to_str())) is None


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_a_vocabulary_without_every_byte_is_not_proven(ignore_merges: bool) -> None:
    lacking = {letter: id for id, letter in enumerate(LETTERS[1:])}
    tokenizer = Tokenizer(models.BPE(lacking, [], ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert fast(tokenizer, ()) is None


@pytest.mark.skipif(not (RANKS.exists() and DEMO.is_dir()), reason=f"needs {RANKS} and {DEMO}")
def test_the_real_llama_3_on_real_text() -> None:
    """Its 588 words that no merges make end as three tokens and more, so it is proven."""
    tokenizer: Tokenizer = TikTokenConverter(
        str(RANKS), pattern=byte_bpe._LLAMA3, extra_special_tokens=["<|begin_of_text|>"]
    ).converted()
    found = fast(tokenizer, [128000])
    assert found is not None
    texts = [file.read_text(encoding="utf-8")[:90_000] for file in sorted(DEMO.glob("*.json"))]
    rows = json.loads((DEMO / "alpaca_zh_demo.json").read_text(encoding="utf-8"))
    texts += [text for row in rows for text in (row["instruction"], row["output"])]
    assert len(texts) > 2000
    assert all(map(found.reads, texts))
    assert found.ids(texts) == slow_ids(tokenizer, texts)
