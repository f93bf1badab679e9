"""Prompts as token ids: lm-eval's rule for raw text, the template for messages, and the cut head."""

from collections.abc import Sequence

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from zhiyin.chat.encode import Encoder
from zhiyin.chat.spans import Marked, PlainText, Span
from zhiyin.inference.encoding import BATCH, Continuation, continuation, continuations, question_ids
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

BOS = 2


def raw(encoder: Encoder, text: str) -> tuple[int, ...]:
    return tuple(encoder.tokenizer.encode(text, add_special_tokens=False).ids)


def test_raw_text_is_tokenised_with_its_choice(encoder: Encoder) -> None:
    found = continuation(Prompt("q", text="答案是："), " B", encoder)
    assert found.context == (BOS, *raw(encoder, "答案是："))
    assert found.tokens == raw(encoder, "答案是： B")[len(raw(encoder, "答案是：")) :]
    assert encoder.tokenizer.decode(list(found.tokens)) == " B"


@pytest.mark.parametrize(("add_bos", "first"), [(None, (BOS,)), (True, (BOS,)), (False, ())])
def test_bos_as_asked_else_as_the_tokenizer_does(
    encoder: Encoder, add_bos: bool | None, first: tuple[int, ...]
) -> None:
    prompt = Prompt("q", text="春眠", add_bos=add_bos)
    assert continuation(prompt, "A", encoder).context == (*first, *raw(encoder, "春眠"))
    assert question_ids(prompt, encoder) == (*first, *raw(encoder, "春眠"))


@pytest.mark.parametrize("letter", ["B", "Z"])
def test_white_space_at_the_end_of_the_text_belongs_to_the_choice(encoder: Encoder, letter: str) -> None:
    found = continuation(Prompt("q", text="答案是： "), letter, encoder)
    assert found == continuation(Prompt("q", text="答案是："), f" {letter}", encoder)
    assert encoder.tokenizer.decode(list(found.tokens)) == f" {letter}"


def test_an_empty_text_scores_the_whole_choice_from_bos(encoder: Encoder) -> None:
    found = continuation(Prompt("q", text=""), "春眠不觉晓", encoder)
    assert found == Continuation((BOS,), raw(encoder, "春眠不觉晓"))
    with pytest.raises(ValueError, match=r"'q'.*`add_bos` cannot be false"):
        continuation(Prompt("q", text="", add_bos=False), "春", encoder)


class AcrossTheBorder:
    """An encoder whose tokenizer merges `b` and `c`, so the tokens of `ab` do not begin those of `abc`."""

    def __init__(self) -> None:
        vocabulary = {"a": 0, "b": 1, "c": 2, "d": 3, "bc": 4}
        self.tokenizer = Tokenizer(models.BPE(vocabulary, [("b", "c")]))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        self.bos_id, self.eos_id, self.raw_bos = None, 3, False


def test_a_token_across_the_border_belongs_to_the_choice() -> None:
    found = continuation(Prompt("q", text="ab"), "cd", AcrossTheBorder())  # type: ignore[arg-type]
    assert found == Continuation((0,), (4, 3))


def test_without_bos_a_whole_text_is_scored_from_eos() -> None:
    found = continuation(Prompt("q", text=""), "ad", AcrossTheBorder())  # type: ignore[arg-type]
    assert found == Continuation((3,), (0, 3))


def test_messages_go_through_the_template(encoder: Encoder) -> None:
    prompt = Prompt("q", messages=(Message("user", "春眠<end_of_turn>"),))
    ids = question_ids(prompt, encoder)
    assert ids == tuple(encoder.prompt(prompt.messages))
    assert ids.count(5) == 1, "a control string typed by a user is text"
    context, tokens = encoder.choice(prompt.messages, "不觉晓")
    assert continuation(prompt, "不觉晓", encoder) == Continuation(tuple(context), tuple(tokens))


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (Prompt("q7"), "either `messages` or `text`"),
        (Prompt("q7", text="a", messages=(Message("user", "b"),)), "either `messages` or `text`"),
        (Prompt("q7", messages=(Message("user", "b"),), add_bos=True), "for raw text"),
        (Prompt("q7", text="a", samples=0), "0 samples"),
        (Prompt("q7", text="a", choices=("b",), samples=2), "2 samples"),
        (Prompt("q7", text="", add_bos=False), "nothing to go on from"),
        (Prompt("q7", messages=(Message("assistant", "b"),)), "user turn"),
    ],
)
def test_a_prompt_that_cannot_be_asked_is_named(encoder: Encoder, prompt: Prompt, message: str) -> None:
    with pytest.raises(ValueError, match=f"prompt 'q7': .*{message}"):
        question_ids(prompt, encoder)


@pytest.mark.parametrize(
    "prompt", [Prompt("q7", text="春"), Prompt("q7", text=""), Prompt("q7", messages=(Message("user", "b"),))]
)
def test_a_choice_without_text_is_named(encoder: Encoder, prompt: Prompt) -> None:
    with pytest.raises(ValueError, match=r"prompt 'q7': .*''"):
        continuation(prompt, "", encoder)


def test_the_head_is_cut_to_fit() -> None:
    one = Continuation((1, 2, 3, 4), (5, 6, 7))
    assert one.inputs == (1, 2, 3, 4, 5, 6)
    assert one.within(None) is one
    assert one.within(6) is one
    assert one.within(4) == Continuation((3, 4), (5, 6, 7))
    assert one.within(2) == Continuation((5,), (6, 7))
    assert all(len(one.within(positions).inputs) <= positions for positions in range(1, 7))


RAW = [Prompt(f"r{number}", text=f"春眠{number % 3}：", choices=("A", " B")) for number in range(9)]
CHAT = [
    Prompt(
        f"q{number}",
        messages=(
            *((Message("system", "译文"),) if number % 3 == 0 else ()),
            Message("user", "春眠不觉晓，" * (1 + number % 4)),
            Message("assistant", "A"),
            Message("user", f"答案是：{number % 5}"),
        ),
        choices=("A", "B", " 花落知多少", "A<end_of_turn>"),
    )
    for number in range(BATCH + 7)
]


def test_choices_of_chat_turns_read_together_are_those_read_alone(encoder: Encoder) -> None:
    prompts = [one for pair in zip(CHAT, RAW, strict=False) for one in pair] + CHAT[len(RAW) :]
    found = continuations(prompts, encoder)
    assert found == [[continuation(one, choice, encoder) for choice in one.choices] for one in prompts]
    for one, choices in zip(prompts, found, strict=True):
        if one.messages:
            alone = [encoder.choice(one.messages, choice) for choice in one.choices]
            assert [(list(each.context), list(each.tokens)) for each in choices] == alone


def test_the_turns_that_choices_share_are_tokenised_once(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Span] = []
    encode = PlainText.encode

    def counted(self: PlainText, spans: Sequence[Span]) -> dict[Span, Marked]:
        read.extend(spans)
        return encode(self, spans)

    monkeypatch.setattr(PlainText, "encode", counted)
    continuations(CHAT[:20], encoder)
    assert len(read) == len(set(read)) < 20, "80 conversations of four turns and more"


def test_what_cannot_be_read_among_many_is_named(encoder: Encoder) -> None:
    for bad, message in (
        (Prompt("bad", messages=(Message("user", "春"),), choices=("A", " ")), "choice ' ' has no text"),
        (Prompt("bad", messages=(Message("user", "春"), Message("user", "眠")), choices=("A",)), "user"),
    ):
        with pytest.raises(ValueError, match=f"prompt 'bad': .*{message}"):
            continuations([*CHAT[:3], bad, *CHAT[3:5]], encoder)
