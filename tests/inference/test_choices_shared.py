"""Beginnings in common computed once, against one forward of the whole sequence for every choice."""

import itertools
import random
from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.inference.conftest import build, shape
from tests.inference.test_choices import RowCounter, twin
from tests.inference.test_short_of_memory import room_for
from transformers import AutoModelForCausalLM, PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.inference import choices
from zhiyin.inference.choices import log_probabilities
from zhiyin.inference.encoding import Continuation, continuation, continuations
from zhiyin.inference.engines.transformers import TransformersSession
from zhiyin.inference.prefixes import Beginning, Lent, Prefixes
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt
from zhiyin.weights.budget import Budget

VOCABULARY = 320
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "tie_word_embeddings": False,
}
SHARED = {
    "llama": shape("llama", VOCABULARY),
    "gemma2": shape("gemma2", VOCABULARY),  # its window of 16 is shorter than a beginning
    "qwen3": {**SIZES, "intermediate_size": 96, "num_key_value_heads": 2, "head_dim": 16},
    "mistral": {**SIZES, "intermediate_size": 96, "num_key_value_heads": 2, "sliding_window": 16},
    "gpt_neox": {**SIZES, "intermediate_size": 96},
    "gpt2": SIZES,
    "bloom": SIZES,
}
WHOLE: dict[str, dict[str, Any]] = {
    "a state in place of keys": {
        "model_type": "mamba",
        **{name: SIZES[name] for name in ("vocab_size", "hidden_size", "num_hidden_layers")},
        "state_size": 4,
    },
    "convolutions beside attention": {
        "model_type": "lfm2",
        **SIZES,
        "intermediate_size": 96,
        "num_key_value_heads": 2,
        "layer_types": ["conv", "full_attention"],
    },
}
"""Models whose cache cannot be lent."""


def made(settings: Any) -> PreTrainedModel:
    """Return a model with every parameter random, so that no part of it does nothing."""
    from transformers import AutoConfig

    config = AutoConfig.for_model(**settings) if isinstance(settings, dict) else settings
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    noise = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.15)
    return cast("PreTrainedModel", model.eval())


def architecture(name: str) -> PreTrainedModel:
    settings = SHARED[name]
    return made({"model_type": name, **settings} if isinstance(settings, dict) else settings)


def exam(*, singles: bool = True, questions: int = 10) -> list[Continuation]:
    """Three subjects with beginnings of 30, 45 and 60 tokens, questions of 3 to 20 more, four choices each."""
    source = random.Random(5)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(source.randrange(VOCABULARY) for _ in range(count))

    asked = []
    for length in (30, 45, 60):
        head = draw(length)
        for _ in range(questions):
            context = (*head, *draw(source.randint(3, 20)))
            for first in source.sample(range(VOCABULARY), 4):
                asked.append(Continuation(context, (first, *draw(0 if singles else source.randint(0, 8)))))
    source.shuffle(asked)
    return asked


def whole_texts() -> list[Continuation]:
    """The same exam as whole texts that are scored from their first token on, as OpenCompass does."""
    return [Continuation(one.context[:1], one.context[1:] + one.tokens) for one in exam()]


def forwarded(counter: RowCounter) -> int:
    return sum(rows * width for rows, width in counter.shapes)


@pytest.mark.parametrize("singles", [True, False])
@pytest.mark.parametrize("name", SHARED)
def test_equals_one_forward_for_each(name: str, singles: bool, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(1)  # under which no two neighbours are alike by chance
    model, asked = architecture(name), exam(singles=singles)
    with RowCounter(model) as counter:
        found = log_probabilities(model, asked, micro_batch_tokens=200)
    expected = [twin(model, one) for one in asked]
    assert found == pytest.approx(expected, abs=1e-5 if singles else 5e-5)
    # A beginning taken from another subject, or a position off by one, would be seen.
    assert min(abs(a - b) for a, b in itertools.pairwise(expected)) > 2e-4
    assert not ours(caplog)
    contexts = {one.inputs for one in asked}
    assert forwarded(counter) < (0.75 if singles else 0.9) * sum(map(len, contexts))


@pytest.mark.parametrize("name", ["llama", "gemma2"])
@pytest.mark.parametrize("limit", [1, 300])
def test_a_beginning_that_is_scored_is_scored_once(name: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = architecture(name), whole_texts()
    held: list[int] = []
    model.get_output_embeddings().register_forward_hook(lambda *call: held.append(call[2].shape[0]))
    with RowCounter(model) as counter:
        found = log_probabilities(model, asked, micro_batch_tokens=limit)
    assert found == pytest.approx([twin(model, one) for one in asked], abs=2e-4)
    assert forwarded(counter) < 0.5 * sum(map(len, {one.inputs for one in asked}))
    # With room for the logits of fewer positions, less of the beginning is shared.
    held.clear()
    monkeypatch.setattr(choices, "LOGITS", 40 * VOCABULARY)
    assert log_probabilities(model, asked, micro_batch_tokens=limit) == pytest.approx(found, abs=2e-4)
    assert max(held) <= 40


@pytest.mark.parametrize("why", WHOLE)
def test_what_cannot_be_shared_is_computed_whole(why: str, caplog: pytest.LogCaptureFixture) -> None:
    model, asked = made(WHOLE[why]), exam(questions=7)
    found = log_probabilities(model, asked, micro_batch_tokens=1)
    assert found == pytest.approx([twin(model, one) for one in asked], abs=2e-5)
    (told,) = ours(caplog)
    assert "computes the beginning of every prompt anew" in told


def test_nothing_is_shared_where_positions_turn_by_the_length_of_the_text(caplog: pytest.LogCaptureFixture) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    settings = {**SIZES, "intermediate_size": 96, "max_position_embeddings": 24, "rope_parameters": rope}
    model, asked = made({"model_type": "llama", **settings}), exam(questions=7)
    with RowCounter(model) as counter:
        log_probabilities(model, asked, micro_batch_tokens=1)
    assert forwarded(counter) == sum(len(row) for row in {one.inputs for one in asked})
    assert "(dynamic) depend on how long a text is" in ours(caplog)[0]


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what this package logged; architectures tell of kernels that are not installed."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("zhiyin")]


def test_a_model_that_forgets_its_cache_is_found_out(caplog: pytest.LogCaptureFixture) -> None:
    """The positions are right and the keys are wrong: nothing but the logits tells."""
    model, asked = architecture("llama"), exam(questions=7)
    expected = log_probabilities(model, asked, micro_batch_tokens=500)
    lend = Prefixes.lend

    def forgetful(self: Prefixes, beginning: Beginning, rows: int) -> Lent:
        lent = lend(self, beginning, rows)
        for layer in lent.arguments["past_key_values"].layers if lent.tokens else ():
            layer.update = lambda keys, values, *rest, kept=layer, **named: (
                torch.cat([kept.keys.roll(1, dims=-2), keys], dim=-2),
                torch.cat([kept.values, values], dim=-2),
            )
        return lent

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prefixes, "lend", forgetful)
        found = log_probabilities(model, asked, micro_batch_tokens=500)
    assert found == pytest.approx(expected, abs=1e-5)
    assert "its logits differ by" in ours(caplog)[0]


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_does_not_depend_on_the_batch(name: str) -> None:
    model, asked = architecture(name), exam(singles=False)
    first, *others = [log_probabilities(model, asked, micro_batch_tokens=limit) for limit in (1, 90, 700, 10**6)]
    for other in others:
        assert other == pytest.approx(first, abs=2e-5)
    assert log_probabilities(model, asked, micro_batch_tokens=90) == others[0]
    turned = log_probabilities(model, asked[::-1], micro_batch_tokens=90)
    assert turned[::-1] == pytest.approx(first, abs=2e-5)


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_bfloat16_shares_too(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Sharing moves a score by no more than the rounding of bfloat16, which the twin has as well."""
    model, asked = architecture(name).bfloat16(), exam()
    with RowCounter(model) as counter:
        found = torch.tensor(log_probabilities(model, asked, micro_batch_tokens=300))
    expected = torch.tensor([twin(model, one) for one in asked])
    assert not ours(caplog)
    assert forwarded(counter) < 0.75 * sum(len(one.context) for one in asked) / 4
    assert float((found - expected).abs().mean()) < 0.05 * float(expected.std())


def test_an_adapter_stays_where_it_is() -> None:
    """Scores of an unmerged adapter, under its wrapper and without, and not those of the model below it."""
    asked = exam()
    plain = log_probabilities(architecture("gemma2"), asked, micro_batch_tokens=500)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    torch.manual_seed(0)
    wrapped: Any = get_peft_model(architecture("gemma2"), config)
    wrapped.eval()
    expected = [twin(wrapped, one) for one in asked]
    for model in (wrapped, wrapped.get_base_model()):
        with RowCounter(model) as counter:
            assert log_probabilities(model, asked, micro_batch_tokens=500) == pytest.approx(expected, abs=1e-5)
        assert forwarded(counter) < 0.75 * sum(len(one.context) for one in asked) / 4
    assert max(abs(a - b) for a, b in zip(plain, expected, strict=True)) > 0.05


def parts(model: PreTrainedModel) -> Iterator[tuple[int, int]]:
    with RowCounter(model) as counter:
        log_probabilities(model, exam(), micro_batch_tokens=150)
    yield from counter.shapes


def test_a_prefix_counts_in_the_budget() -> None:
    """A quarter of it for every row of a batch that it is lent to."""
    shapes = list(parts(architecture("llama")))
    batches = [(rows, width) for rows, width in shapes if rows > 1]
    assert len(batches) > 3
    assert all(rows * (width + 8) <= 150 for rows, width in batches)
    longest = max(rows for rows, _ in batches)
    # The longest beginning is lent to fewer rows than the shortest one, though the questions are alike.
    assert longest > min(rows for rows, _ in batches)


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_what_is_lent_keeps_nothing_of_a_batch(name: str) -> None:
    """Rows see one copy of the beginning, and what a layer adds to it is gone when the next one runs."""
    model = architecture(name)
    prefixes = Prefixes(model)
    lent = prefixes.lend(Beginning(tuple(range(10, 50)), 41, 7), rows=3)
    ids_BT = torch.arange(15).view(3, 5)
    with torch.no_grad():
        first, again = (model(input_ids=ids_BT, use_cache=False, **lent.arguments).logits for _ in range(2))
    assert torch.equal(first, again)
    for layer in lent.arguments["past_key_values"].layers:
        assert layer.keys.shape[0] == 3
        assert layer.keys.stride(0) == 0
        assert layer.keys.shape[2] <= 40
    with RowCounter(model) as counter:
        prefixes.lend(Beginning(tuple(range(10, 50)), 41, 7), rows=9)
    assert not counter.shapes


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_short_of_memory_it_shares_in_smaller_batches(name: str, caplog: pytest.LogCaptureFixture) -> None:
    model, asked = architecture(name), exam()
    expected = log_probabilities(model, asked, micro_batch_tokens=10**6)
    told: list[int] = []
    budget = Budget(10**6)
    with room_for(model, 4, 70) as failed, RowCounter(model) as counter:
        found = log_probabilities(model, asked, micro_batch_tokens=budget, advance=told.append)
    assert found == pytest.approx(expected, abs=1e-5)
    assert sum(told) == len(asked)
    assert len(failed) == len(ours(caplog)) > 0
    assert budget.tokens < 400
    whole = sum(len(one.context) for one in asked) / 4
    assert forwarded(counter) - sum(rows * width for rows, width in failed) < 0.85 * whole


def test_a_beginning_that_does_not_fit_is_not_shared(caplog: pytest.LogCaptureFixture) -> None:
    """Not even one row of the trial fits; the error is that of the row."""
    model = architecture("llama")
    with room_for(model, 1, 30), pytest.raises(RuntimeError, match="a single example of"):
        log_probabilities(model, exam(), micro_batch_tokens=100)


def test_a_session_shares_what_prompts_of_a_group_have_in_common(encoder: Encoder) -> None:
    model = build("llama", encoder.tokenizer.get_vocab_size())
    head = "春眠不觉晓，" * 6
    raw = [Prompt(f"r{n}", text=head + "一" * n + "答案是：", choices=(" A", " B"), group="a") for n in range(1, 9)]
    chat = [Prompt(f"c{n}", (Message("user", head + "二" * n),), choices=("A", "中国"), group="b") for n in range(1, 9)]
    prompts = [prompt for pair in zip(raw, chat, strict=True) for prompt in pair]
    told: list[int] = []
    with RowCounter(model) as counter:
        found = TransformersSession(model, encoder, 4096).score(prompts, told.append)
    asked = [[continuation(prompt, choice, encoder) for choice in prompt.choices] for prompt in prompts]
    assert [list(one.choice_logprobs) for one in found] == [
        pytest.approx([twin(model, one) for one in choices], abs=2e-5) for choices in asked
    ]
    assert [one.prompt_id for one in found] == [prompt.id for prompt in prompts]
    assert sum(told) == 16
    assert forwarded(counter) < 0.6 * sum(len(row) for row in {one.inputs for each in asked for one in each})


def test_many_prompts_are_tokenised_as_each_by_itself(encoder: Encoder) -> None:
    texts = ["春眠不觉晓", "答案是： ", "", "答案是：", "the capital"]
    prompts = [Prompt(f"q{n}", text=text, choices=("A", " B", "ital")) for n, text in enumerate(texts)]
    prompts.append(Prompt("m", (Message("user", "中国"),), choices=("A", "首都")))
    assert continuations(prompts, encoder) == [
        [continuation(prompt, choice, encoder) for choice in prompt.choices] for prompt in prompts
    ]
