"""`zhiyin explain`: what a run would do, and why; nothing is run."""

from zhiyin.cli.columns import padded, width
from zhiyin.cli.options import STORE, Device, Further, MicroBatchTokens, Overrides, RecipeFile, StoreFolder
from zhiyin.locale.words import counted, retell, say


def explain(
    recipe: RecipeFile,
    overrides: Overrides = None,
    store: StoreFolder = STORE,
    device: Device = "auto",
    micro_batch_tokens: MicroBatchTokens = 8192,
    further: Further = None,
) -> None:
    """Show what makes each step new, and what a training will take: memory, tokens, steps. Runs nothing."""
    from zhiyin.cli.exits import recipe_errors
    from zhiyin.cli.foresight import forecasts
    from zhiyin.cli.machine import runtime
    from zhiyin.cli.terminal import console
    from zhiyin.execution.explain import explain as reasons
    from zhiyin.execution.store import Store
    from zhiyin.recipe.wiring import load_recipe

    with recipe_errors():
        loaded = load_recipe(recipe, overrides or ())
    out = console()
    plan = reasons(list(loaded.steps.values()), Store(store))
    digits, columns = len(str(len(plan))), max((width(line.step.label) for line in plan), default=0)
    machine = runtime(further, store=store, device=device, micro_batch_tokens=micro_batch_tokens)
    for number, (line, said) in enumerate(forecasts(plan, Store(store), machine), start=1):
        head = f"[{number:{digits}d}/{len(plan)}] {padded(line.step.label, columns)}"
        out.print(f"{head}  {say('held') if line.held else say('to make')}", style="dim" if line.held else "bold")
        for reason in line.reasons:
            out.print(f"{' ' * (2 * digits + 4)}{retell(reason)}")
        for sentence in said:
            out.print(f"{' ' * (2 * digits + 4)}{sentence}", style="cyan")
        if line.warning:
            warning = say("warning: {warning}", warning=retell(line.warning))
            out.print(f"{' ' * (2 * digits + 4)}{warning}", style="yellow")
    held = sum(line.held for line in plan)
    out.print(
        counted(
            "{number} step: {held} held, {new} to make.",
            "{number} steps: {held} held, {new} to make.",
            len(plan),
            held=held,
            new=len(plan) - held,
        )
    )
