"""What the steps of a plan say of themselves before they run."""

from collections.abc import Iterator, Sequence
from typing import Any

from zhiyin.execution.explain import Explanation
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.store import Store


def forecasts(plan: Sequence[Explanation], store: Store, runtime: Runtime) -> Iterator[tuple[Explanation, list[str]]]:
    """Yield every line of the plan with what its step says; a step that is held says nothing, its artifact is there."""
    known: dict[str, Any] = {}
    for line in plan:
        step, said = line.step, list[str]()
        inputs = {name: known[upstream.folder] for name, upstream in step.flat_inputs.items()}
        if line.held:
            known[step.folder] = step.produces(store.path(step))
        else:
            known[step.folder] = step.config.foresee(inputs)
            said = list(step.config.forecast(inputs, runtime) or ())
        yield line, said
