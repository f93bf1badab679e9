"""The contract of every training method: it starts from the same function, trains only its own weights, loads back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.house import House, build

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.catalog import make, names
from zhiyin.training.adapters import Method
from zhiyin.weights.adapter import put_on
from zhiyin.weights.load import load_model

METHODS = names(Method)


def test_every_method_is_tested_here() -> None:
    assert METHODS == ("adalora", "full", "lora", "qlora")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("name", [name for name in METHODS if name != "qlora"])
def test_a_method_starts_from_the_same_function_and_saves_what_it_trains(
    house: House, name: str, tmp_path: Path
) -> None:
    base = house.make(house.gemma)
    method = make(Method, name)
    ids = torch.arange(6, 26)[None]
    torch.manual_seed(0)
    model = load_model(base, device="cpu")
    with torch.no_grad():
        before = model(input_ids=ids).logits
        wrapped = method.wrap(model, (4, 5), steps=1)
        assert torch.equal(wrapped(input_ids=ids).logits, before)
        trained = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
        frozen = [parameter for parameter in wrapped.parameters() if not parameter.requires_grad]
        assert trained
        assert bool(frozen) == (method.makes is Adapter)
        for parameter in trained:
            parameter.add_(0.05)
        after = wrapped(input_ids=ids).logits
        assert not torch.allclose(after, before)
        out = base.path.parent / f"{name}-saved"
        method.save(wrapped, out, base.path.name)
        if method.makes is Adapter:
            (out / "manifest.json").write_text(
                base.manifest.model_copy(update={"inputs": {"model": base.path.name}}).model_dump_json(),
                encoding="utf-8",
            )
        again = load_model(out, device="cpu")
        torch.testing.assert_close(again(input_ids=ids).logits, after, rtol=0, atol=1e-6)


def test_lora_can_learn_the_control_tokens_and_nothing_else_of_the_embedding(house: House) -> None:
    control_ids = (4, 5)
    model = make(Method, {"name": "lora", "control_tokens": True}).wrap(
        load_model(house.make(house.gemma), device="cpu"), control_ids, steps=1
    )
    embedding = model.get_input_embeddings()
    with torch.no_grad():
        before = embedding(torch.arange(20)).clone()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_" not in name:
                parameter.add_(1.0)
        changed = (embedding(torch.arange(20)) != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == list(control_ids)


def test_a_merge_keeps_the_control_tokens_learnt(house: House, tmp_path: Path) -> None:
    """The embedding is tied to the output layer: both must show the change, before and after merging."""
    torch.manual_seed(0)
    base = load_model(house.make(house.gemma), device="cpu")
    model: Any = make(Method, {"name": "lora", "control_tokens": True}).wrap(base, (4, 5), steps=1)
    ids = torch.tensor([[6, 4, 9, 5, 7]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_" not in name:
                parameter.add_(torch.randn_like(parameter))
        after = model(input_ids=ids).logits
        merged = model.merge_and_unload()(input_ids=ids).logits
    assert (after[0, 0, [4, 5]] - before[0, 0, [4, 5]]).abs().max() > 1e-3
    assert torch.equal(after[0, 0, 6:], before[0, 0, 6:])
    torch.testing.assert_close(merged, after, rtol=0, atol=1e-5)


def test_lora_adds_alpha_over_rank_times_the_product(house: House) -> None:
    """The addition of one layer, computed by hand: alpha / rank * B A x (equation 3 of the paper)."""
    method = make(Method, {"name": "lora", "rank": 4, "alpha": 12, "target_modules": ["q_proj"]})
    model = method.wrap(load_model(house.make(house.gemma), device="cpu"), (), steps=1)
    (layer, *_) = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    tensors = dict(layer.named_parameters())
    (a,) = [tensor for name, tensor in tensors.items() if "lora_A" in name]
    (b,) = [tensor for name, tensor in tensors.items() if "lora_B" in name]
    (weight,) = [tensor for name, tensor in tensors.items() if "base_layer" in name]
    x = torch.randn(3, weight.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        b.normal_(generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(layer(x), x @ weight.T + 12 / 4 * (x @ a.T @ b.T))


LORA = {"name": "lora", "rank": 4, "alpha": 12}
VARIANTS: dict[str, dict[str, Any]] = {
    "rslora": {**LORA, "use_rslora": True},
    "dora": {**LORA, "use_dora": True},
    "dora and control tokens": {**LORA, "use_dora": True, "control_tokens": True},
    "norms": {**LORA, "modules_to_save": ["input_layernorm"]},
    "embedding": {**LORA, "modules_to_save": ["embed_tokens"]},
    "output layer": {**LORA, "modules_to_save": ["lm_head"]},
    "both": {**LORA, "modules_to_save": ["embed_tokens", "lm_head"], "use_dora": True},
    "adalora": {"name": "adalora", "init_r": 4, "target_r": 2, "control_tokens": True},
}


def untied(base: Checkpoint, folder: Path) -> Path:
    """Write the checkpoint with an output layer of its own, as Llama-3-8B has."""
    model = load_model(base, device="cpu")
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.05)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("base", ["gemma", "llama", "untied"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_trained_is_saved_opened_and_merged_without_loss(
    house: House, tmp_path: Path, variant: str, base: str
) -> None:
    folder = (
        untied(house.make(house.llama), tmp_path / base) if base == "untied" else house.make(getattr(house, base)).path
    )
    method = make(Method, VARIANTS[variant])
    model: Any = method.wrap(load_model(folder, device="cpu"), (4, 5), steps=1)
    ids = torch.arange(6, 46)[None]
    torch.manual_seed(1)
    with torch.no_grad():
        before = load_model(folder, device="cpu")(input_ids=ids).logits
        torch.testing.assert_close(model(input_ids=ids).logits, before, rtol=0, atol=1e-5)
        for weight in (weight for weight in model.parameters() if weight.requires_grad):
            weight.add_(torch.randn_like(weight) * 0.05)
        trained = model(input_ids=ids).logits
        method.save(model, tmp_path / "out", folder.name)
        again: Any = put_on(load_model(folder, device="cpu"), tmp_path / "out")
        opened = again(input_ids=ids).logits
        weights = {name: weight.clone() for name, weight in again.named_parameters()}
        again.merge_and_unload(safe_merge=True).save_pretrained(tmp_path / "merged")
        whole = load_model(tmp_path / "merged", device="cpu")
        merged = whole(input_ids=ids).logits
    assert (trained - before).abs().max() > 1e-2
    assert all(torch.equal(weights[name], weight) for name, weight in model.named_parameters())
    # Products of equal numbers may differ in their last bit: it depends on where in memory they lie.
    torch.testing.assert_close(opened, trained, rtol=0, atol=5e-6)
    torch.testing.assert_close(merged, trained, rtol=0, atol=5e-6)
    assert (whole.get_input_embeddings().weight is whole.get_output_embeddings().weight) == (base != "untied")


def layer_of(method: Method, house: House) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return one adapted layer with random factors, and its weights by their short names."""
    model = method.wrap(load_model(house.make(house.gemma), device="cpu"), (), steps=1)
    (layer, *_) = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    parts = ("lora_A", "lora_B", "lora_E", "magnitude", "base_layer")
    weights = {part: tensor for name, tensor in layer.named_parameters() for part in parts if part in name}
    with torch.no_grad():
        for part in ("lora_A", "lora_B", "lora_E"):
            if part in weights:
                weights[part].normal_(std=0.3, generator=torch.Generator().manual_seed(len(part)))
    return layer, weights


@pytest.mark.parametrize(("rank", "alpha"), [(4, 12), (9, 3)])
@torch.no_grad()
def test_each_addition_is_that_of_its_paper(house: House, rank: int, alpha: int) -> None:
    """Computed by hand for one layer: rsLoRA, DoRA's equation 5, AdaLoRA's equation 3."""
    settings = {"name": "lora", "rank": rank, "alpha": alpha, "target_modules": ["q_proj"]}
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    layer, of = layer_of(make(Method, {**settings, "use_rslora": True}), house)
    plain, product = of["base_layer"], of["lora_B"] @ of["lora_A"]
    torch.testing.assert_close(layer(x), x @ (plain + alpha / rank**0.5 * product).T)
    layer, of = layer_of(make(Method, {**settings, "use_dora": True}), house)
    torch.testing.assert_close(of["magnitude"], of["base_layer"].norm(dim=1))
    of["magnitude"].mul_(torch.linspace(0.5, 2, len(of["magnitude"])))
    moved = of["base_layer"] + alpha / rank * of["lora_B"] @ of["lora_A"]
    torch.testing.assert_close(layer(x), x @ (of["magnitude"][:, None] * moved / moved.norm(dim=1)[:, None]).T)
    settings = {"name": "adalora", "init_r": rank, "target_r": 1, "alpha": alpha, "target_modules": ["q_proj"]}
    layer, of = layer_of(make(Method, settings), house)
    product = of["lora_B"] @ torch.diag(of["lora_E"][:, 0]) @ of["lora_A"]
    torch.testing.assert_close(layer(x), x @ (of["base_layer"] + alpha / rank * product).T, rtol=1e-4, atol=1e-5)


def test_dropout_is_drawn_in_training_only(house: House) -> None:
    method = make(Method, {"name": "lora", "dropout": 0.5, "target_modules": ["q_proj"]})
    assert method.random
    assert not make(Method, "lora").random
    layer, _ = layer_of(method, house)
    x = torch.ones(2, 32)
    with torch.no_grad():
        layer.train()
        assert not torch.equal(layer(x), layer(x))
        layer.eval()
        assert torch.equal(layer(x), layer(x))


def test_embeddings_are_learnt_in_one_way() -> None:
    with pytest.raises(ValueError, match="control_tokens learns some embeddings and modules_to_save all of them"):
        make(Method, {"name": "lora", "control_tokens": True, "modules_to_save": ["lm_head"]})
