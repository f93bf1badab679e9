"""`zhiyin explain`: what a run would do, and why; nothing is run."""

from zhiyin.cli.options import STORE, Overrides, RecipeFile, StoreFolder


def explain(recipe: RecipeFile, overrides: Overrides = None, store: StoreFolder = STORE) -> None:
    """Show for each step whether it is held, and if not which field or input makes it new. Runs nothing."""
    from zhiyin.cli.exits import recipe_errors
    from zhiyin.cli.terminal import console
    from zhiyin.execution.explain import explain as reasons
    from zhiyin.execution.store import Store
    from zhiyin.recipe.wiring import load_recipe

    with recipe_errors():
        loaded = load_recipe(recipe, overrides or ())
    out = console()
    plan = reasons(list(loaded.steps.values()), Store(store))
    digits, width = len(str(len(plan))), max((len(line.step.label) for line in plan), default=0)
    for number, line in enumerate(plan, start=1):
        head = f"[{number:{digits}d}/{len(plan)}] {line.step.label.ljust(width)}"
        out.print(f"{head}  {'held' if line.held else 'to make'}", style="dim" if line.held else "bold")
        for reason in line.reasons:
            out.print(f"{' ' * (2 * digits + 4)}{reason}")
        if line.warning:
            out.print(f"{' ' * (2 * digits + 4)}warning: {line.warning}", style="yellow")
    held = sum(line.held for line in plan)
    out.print(f"{len(plan)} steps: {held} held, {len(plan) - held} to make.")
