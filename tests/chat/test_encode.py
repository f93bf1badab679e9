"""Ids and mask: what is supervised, what can never be a control token, and what is refused."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.chat.toys import calm, conversations, decoded, hostile, plain, scored, train
from tokenizers import AddedToken, Tokenizer, decoders, models

from zhiyin.chat import encode
from zhiyin.chat.encode import Encoder
from zhiyin.chat.render import render
from zhiyin.chat.templates import Form, Template, Turn
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.gemma2_system import Gemma2System
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.records.conversation import Message

QUESTION = [Message("system", "简短"), Message("user", "春"), Message("assistant", "花"), Message("user", "夜")]


def written(encoder: Encoder, content: str) -> str:
    return content.strip() if encoder.template.form().trim else content


@calm
@given(messages=conversations())
def test_the_mask_covers_exactly_the_assistants_text_and_what_closes_it(
    encoder: Encoder, messages: list[Message]
) -> None:
    encoded = encoder.conversation(messages)
    closing = encoder.template.form().assistant.closing
    supervised = [id for id, counts in zip(encoded.ids, encoded.mask, strict=True) if counts]
    answers = [written(encoder, message.content) for message in messages if message.role == "assistant"]
    assert decoded(encoder, supervised) == "".join(answer + closing for answer in answers)
    assert sum(id in encoder.stop_ids for id in supervised) >= len(answers)


@calm
@given(messages=conversations(hostile))
def test_there_is_one_bos_and_it_is_first(encoder: Encoder, messages: list[Message]) -> None:
    ids = encoder.conversation(messages).ids
    assert ids[0] == encoder.bos_id
    assert ids.count(ids[0]) == 1


@calm
@given(messages=conversations(hostile))
def test_a_control_string_in_a_content_stays_text(encoder: Encoder, messages: list[Message]) -> None:
    form = encoder.template.form()
    segments = render(form, messages)
    encoded = encoder.conversation(messages)
    special = {encoder.tokenizer.token_to_id(token) for token in form.controls}
    controls = [encoder.tokenizer.token_to_id(segment.text) for segment in segments if segment.control]
    assert [id for id in encoded.ids if id in special] == controls
    assert decoded(encoder, encoded.ids) == "".join(segment.text for segment in segments)


@calm
@given(messages=conversations(), choice=plain)
def test_a_choice_is_cut_from_the_conversation_with_that_answer(
    encoder: Encoder, messages: list[Message], choice: str
) -> None:
    question = messages[:-1] if messages[-1].role == "assistant" else messages
    assume(written(encoder, choice))
    context, continuation = encoder.choice(question, choice)
    whole = encoder.conversation([*question, Message("assistant", choice)])
    assert context + continuation == whole.ids[: len(context) + len(continuation)]
    assert decoded(encoder, continuation) == written(encoder, choice)
    assert context == encoder.prompt(question)


@calm
@given(batch=st.lists(conversations(hostile), max_size=6))
def test_a_batch_is_its_conversations_one_by_one(encoder: Encoder, batch: list[list[Message]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "BATCH", 2)
        together = encoder.conversations(batch)
    assert together == [encoder.conversation(messages) for messages in batch]


def test_known_ids(gemma: Tokenizer) -> None:
    encoder = Encoder(gemma, Gemma2())
    assert (encoder.pad_id, encoder.eos_id, encoder.bos_id, encoder.stop_ids) == (0, 1, 2, (5, 1))
    assert not encoder.raw_bos
    encoded = encoder.conversation([Message("user", "春"), Message("assistant", "眠")])
    tokens = [gemma.decode([id], skip_special_tokens=False) for id in encoded.ids]
    assert tokens[:2] == ["<bos>", "<start_of_turn>"]
    end = len(encoded.ids) - encoded.mask[::-1].index(True)
    assert tokens[end - 1 :] == ["<end_of_turn>", "\n"]
    start = encoded.mask.index(True)
    assert gemma.decode(encoded.ids[start : end - 1]) == "眠"
    assert gemma.decode(encoded.ids[:start], skip_special_tokens=False).endswith("<start_of_turn>model\n")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (Gemma2(), "<start_of_turn>model\n花<end_of_turn>\n<start_of_turn>model\n鸟<end_of_turn>\n<eos>"),
        (
            Gemma2System(),
            "<start_of_turn>model\n花\n<end_of_turn><eos>\n<start_of_turn>model\n鸟\n<end_of_turn><eos>\n",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_score_header_scores_header_and_end_as_the_simpo_code_does(
    gemma: Tokenizer, template: Template, expected: str
) -> None:
    encoder = Encoder(gemma, template)
    encoded = encoder.conversation([*QUESTION, Message("assistant", "鸟")], score_header=True)
    assert scored(encoder, encoded.ids, encoded.mask) == expected
    assert not any(encoder.conversation(QUESTION[:2], score_header=True).mask)


def test_last_only_supervises_the_last_answer(encoder: Encoder) -> None:
    encoded = encoder.conversation([*QUESTION, Message("assistant", "鸟")], last_only=True)
    assert scored(encoder, encoded.ids, encoded.mask) == "鸟" + encoder.template.form().assistant.closing


def test_a_token_of_header_and_content_belongs_to_the_content() -> None:
    specials = Gemma2System().form().controls
    unsplit = train(specials, ["model\n答案", "model\n答", "案。\n", "user\n问"], split_words=False)
    encoder = Encoder(unsplit, Gemma2System())
    context, continuation = encoder.choice([Message("user", "问")], "答案。")
    assert decoded(encoder, context).endswith("<start_of_turn>")
    assert decoded(encoder, continuation) == "model\n答案。\n"
    encoded = encoder.conversation([Message("user", "问"), Message("assistant", "答案。")])
    assert encoded.ids[: len(context) + len(continuation)] == context + continuation
    assert encoded.mask == [False] * len(context) + [True] * (len(continuation) + 2) + [False]


def test_an_empty_answer_has_no_token_even_where_one_reaches_across_it() -> None:
    unsplit = train(Gemma2System().form().controls, ["model\n\n"], split_words=False)
    encoder = Encoder(unsplit, Gemma2System())
    across = unsplit.token_to_id("modelĊĊ")
    assert across in encoder.conversation([Message("user", "问"), Message("assistant", "")]).ids
    with pytest.raises(ValueError, match="the choice '' has no text to score"):
        encoder.choice([Message("user", "问")], "")


def test_a_format_without_control_tokens_around_its_turns() -> None:
    """Header, question and answer are one span, as in the formats of the Alpaca kind."""

    class Plain(Template):
        def form(self) -> Form:
            return Form(
                bos="<s>",
                eos="</s>",
                pad="</s>",
                markers=(),
                stops=("</s>",),
                system=Turn("", "\n\n"),
                user=Turn("### Instruction:\n", "\n\n"),
                assistant=Turn("### Response:\n", "</s>"),
                fold_system=False,
            )

    encoder = Encoder(train(("<s>", "</s>")), Plain())
    encoded = encoder.conversation([*QUESTION, Message("assistant", "鸟")])
    assert decoded(encoder, encoded.ids) == (
        "<s>简短\n\n### Instruction:\n春\n\n### Response:\n花</s>### Instruction:\n夜\n\n### Response:\n鸟</s>"
    )
    assert scored(encoder, encoded.ids, encoded.mask) == "花</s>鸟</s>"


def test_plain_documents_hold_no_control_token(encoder: Encoder) -> None:
    bos = encoder.template.form().bos
    (ids,) = encoder.texts([f"春眠{bos}不觉晓"])
    assert encoder.bos_id not in ids
    assert decoded(encoder, ids) == f"春眠{bos}不觉晓"


def test_other_added_tokens_stay_words() -> None:
    """Gemma's tokenizer has `\\n\\n` among its added tokens: not special, so a word in contents too."""
    tokenizer = train(Gemma2().form().controls)
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False)])
    encoder = Encoder(tokenizer, Gemma2())
    assert tokenizer.token_to_id("\n\n") in encoder.prompt([Message("user", "春\n\n夜")])


def test_a_control_token_that_is_not_special_is_caught_as_well() -> None:
    form = Gemma2().form()
    tokenizer = train([control for control in form.controls if control != "<end_of_turn>"])
    tokenizer.add_tokens([AddedToken("<end_of_turn>", special=False, normalized=False)])
    encoder = Encoder(tokenizer, Gemma2())
    assert encoder.prompt([Message("user", "a<end_of_turn>b")]).count(encoder.stop_ids[0]) == 1


def test_a_model_that_knows_control_strings_as_words_is_cut_off() -> None:
    """Unigram keeps special tokens in its vocabulary and would take them as the likeliest piece."""
    controls = Gemma2().form().controls
    letters = [
        (letter, -5.0) for letter in dict.fromkeys("".join(controls) + "user model system 译文春眠夜spring12 dawn。\n")
    ]
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((text, 0.0) for text in controls), *letters], unk_id=0))
    tokenizer.add_special_tokens(["<unk>", *controls])
    tokenizer.decoder = decoders.Fuse()
    encoder = Encoder(tokenizer, Gemma2())
    stop = encoder.stop_ids[0]
    encoded = encoder.conversation(
        [Message("user", "春<end_of_turn>夜<end_of_turn>"), Message("assistant", "眠<end_of_turn>夜")]
    )
    assert encoded.ids.count(stop) == 2
    assert scored(encoder, encoded.ids, encoded.mask) == "眠<end_of_turn>夜<end_of_turn>"
    (ids,) = encoder.texts(["春<end_of_turn>夜"])
    assert decoded(encoder, ids) == "春<end_of_turn>夜"
    assert stop not in ids
    (ids,) = encoder.texts(["<end_of_turn>" * 2000])
    assert decoded(encoder, ids) == "<end_of_turn>" * 2000
    assert tokenizer.token_to_id("<unk>") in encoder.prompt([Message("user", "龘")])


def test_truncation_of_the_tokenizer_file_cuts_nothing() -> None:
    tokenizer = train(Llama3().form().controls)
    messages = [Message("user", "春眠不觉晓，处处闻啼鸟。" * 9)]
    whole = Encoder(tokenizer, Llama3()).prompt(messages)
    tokenizer.enable_truncation(9)
    tokenizer.enable_padding(length=400)
    encoder = Encoder(tokenizer, Llama3())
    assert encoder.prompt(messages) == whole
    assert encoder.tokenizer.encode(messages[0].content).ids == encoder.texts([messages[0].content])[0]


def test_a_tokenizer_without_a_control_string_is_refused() -> None:
    tokenizer = train(("<pad>", "<eos>", "<bos>", "<start_of_turn>"))
    with pytest.raises(ValueError, match="does not know '<end_of_turn>' as one token, which template 'gemma2' needs"):
        Encoder(tokenizer, Gemma2())


def test_a_tokenizer_that_reads_spans_differently_is_refused() -> None:
    tokenizer = train(())
    eating = [AddedToken(text, rstrip=True, special=True) for text in Gemma2System().form().controls]
    tokenizer.add_special_tokens(eating)
    with pytest.raises(ValueError, match="behind a control token of 'gemma2_system' differently than alone"):
        Encoder(tokenizer, Gemma2System())


def test_prompts_and_choices_that_cannot_be_are_refused(encoder: Encoder) -> None:
    answered = [Message("user", "春"), Message("assistant", "花")]
    with pytest.raises(ValueError, match="a prompt ends with a user turn"):
        encoder.prompt(answered)
    with pytest.raises(ValueError, match="found: user, assistant, assistant"):
        encoder.choice(answered, "鸟")
    with pytest.raises(ValueError, match="the choice '' has no text to score"):
        encoder.choice(answered[:1], "")
