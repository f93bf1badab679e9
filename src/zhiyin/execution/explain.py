"""Why a step will run: the fields that differ from the nearest artifact already made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zhiyin.execution.artifact import Manifest
from zhiyin.execution.provenance import code_hash
from zhiyin.execution.step import Step, in_order
from zhiyin.execution.store import Store


@dataclass(frozen=True)
class Explanation:
    """One line of a plan: a step, whether it is held, and if not what makes it new."""

    step: Step[Any]
    held: bool
    reasons: tuple[str, ...]
    warning: str = ""


def explain(targets: list[Step[Any]], store: Store) -> list[Explanation]:
    """Return a line for every step of the plan, in the order they would run."""
    past = list(store.manifests()) if store.root.exists() else []
    return [_judge(step, store, past) for step in in_order(*targets)]


def _judge(step: Step[Any], store: Store, past: list[Manifest]) -> Explanation:
    if store.holds(step):
        changed = Manifest.read(store.path(step)).provenance.get("code") != code_hash(step.function.__module__)
        warning = f"{step.function.__module__} changed since, its version did not" if changed else ""
        return Explanation(step, held=True, reasons=(), warning=warning)
    kin = [manifest for manifest in past if manifest.kind == step.kind]
    namesakes = [manifest for manifest in kin if manifest.label == step.label]
    differences = (tuple(_differences(step, manifest, store)) for manifest in namesakes or kin)
    nearest = min(differences, key=len, default=("never made",))
    return Explanation(step, held=False, reasons=nearest)


def _differences(step: Step[Any], manifest: Manifest, store: Store) -> Iterator[str]:
    was = leaves({"version": manifest.version, "config": manifest.config})
    now = leaves({"version": step.version, "config": step.config.plain()})
    for path in sorted(was.keys() | now.keys()):
        if path.endswith(".path") and path[:-4] + "sha256" in now.keys() | was.keys():
            continue
        if was.get(path, "(none)") != now.get(path, "(none)"):
            yield f"{path}: {was.get(path, '(none)')} -> {now.get(path, '(none)')}"
    for name in sorted(manifest.inputs.keys() | step.flat_inputs.keys()):
        upstream, before = step.flat_inputs.get(name), manifest.inputs.get(name)
        if upstream is None:
            yield f"inputs.{name}: {before} -> (none)"
        elif upstream.folder != before:
            state = "" if store.holds(upstream) else " (to be made)"
            yield f"inputs.{name}: {before or '(none)'} -> {upstream.label}{state}"
    common = manifest.inputs.keys() & step.flat_inputs.keys()
    before_now = [[name for name in names if name in common] for names in (manifest.inputs, step.flat_inputs)]
    if before_now[0] != before_now[1]:
        yield f"order of inputs: {' -> '.join(', '.join(names) for names in before_now)}"


def leaves(tree: Any, above: str = "") -> dict[str, Any]:
    """Lay a nested value flat: `{"a": {"b": [1]}}` becomes `{"a.b.0": 1}`."""
    if not tree or not isinstance(tree, dict | list):
        return {above: tree}
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    branches = [leaves(value, f"{above}.{key}" if above else str(key)) for key, value in pairs]
    return {path: leaf for branch in branches for path, leaf in branch.items()}
