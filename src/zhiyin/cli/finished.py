"""Which finished runs a person means by a recipe, a folder in `runs/`, or a page, and what each is called."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from zhiyin.artifacts import Page
from zhiyin.cli.resolve import resolve
from zhiyin.execution.artifact import MANIFEST, Artifact
from zhiyin.execution.store import Store
from zhiyin.recipe import wiring
from zhiyin.report.shown import runs_of

T = TypeVar("T")
RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Finished:
    """One run: what its page shows."""

    name: str
    page: Page
    chosen: bool
    """Whether the name was given for it, so that it must stay as it is."""


def finished_runs(words: Sequence[str], store: Path) -> dict[str, Page]:
    """Return the page of each run by its name, in order; raises `LookupError` that says what is wrong.

    A word may have a name in front, `baseline=runs/tiny`. A page that compares runs stands for these runs.
    """
    found = [one for word in words for one in _found(word, store)]
    for one in found:
        if one.page.path.parent != store.resolve():
            raise LookupError(
                f"{one.page.path} lies in another store than {store}; --store names the one that holds it"
            )
    twice = {name for name, count in Counter(one.name for one in found).items() if count > 1}
    named = [one if one.chosen or one.name not in twice else _told_apart(one) for one in found]
    for name, count in Counter(one.name for one in named).items():
        if count > 1:
            raise LookupError(f"two runs are called {name!r}; give each its own name, such as before={words[0]}")
    return {one.name: one.page for one in named}


def _found(word: str, store: Path) -> Iterator[Finished]:
    chosen, equals, rest = word.partition("=")
    if Path(word).exists() or not equals:
        chosen, rest = "", word
    elif not chosen.strip() or not rest:
        raise LookupError(f"{word}: expected NAME=RUN, such as before=runs/tiny")
    name, page = _page(rest, store)
    inner = runs_of(page)
    if not inner:
        yield Finished(chosen.strip() or name, page, bool(chosen))
    for each, run in inner.items():
        yield Finished(f"{chosen.strip()} {each}".strip(), run, chosen=True)


def _page(word: str, store: Path) -> tuple[str, Page]:
    """Find one page, and what its run is called unless it is given a name."""
    path = Path(word)
    if path.is_file() and path.suffix in RECIPES:
        return path.stem, _of_recipe(path, store)
    for folder in (path, store.absolute().parent / "runs" / word):
        if folder.is_dir() and not (folder / MANIFEST).is_file():
            return folder.resolve().name, _of_links(folder)
    found = Artifact(resolve(word, store))
    if found.manifest.kind != "page":
        raise LookupError(f"{word} is made by {found.manifest.kind}; a run is known by its page: name one, or a recipe")
    return str(found.manifest.config.get("title", found.path.name)), Page(found.path)


def _of_recipe(recipe: Path, store: Path) -> Page:
    """Return the page of a recipe; one that shows the same in another language will do."""
    steps = [one for one in wiring.load_recipe(recipe).steps.values() if one.kind == "page"]
    page = _only({one.label: one for one in steps}, str(recipe))
    if Store(store).holds(page):
        return Page(store.resolve() / page.folder)
    wanted = {name: upstream.folder for name, upstream in page.flat_inputs.items()}
    alike = [one for one in Store(store).manifests() if (one.kind, one.inputs) == ("page", wanted)]
    if not alike:
        raise LookupError(_unmade(recipe, store.absolute().parent / "runs" / recipe.stem))
    return Page(store.resolve() / f"page-{alike[-1].fingerprint}")


def _unmade(recipe: Path, earlier: Path) -> str:
    if earlier.is_dir():
        return f"{recipe}: its page is not made yet; `zhiyin run {recipe}` makes it, and {earlier} holds an earlier run"
    return f"{recipe}: its page is not made yet; `zhiyin run {recipe}` makes it"


def _of_links(folder: Path) -> Page:
    """Return the page that a folder in `runs/` links to."""
    links = [Artifact(link.resolve()) for link in sorted(folder.iterdir()) if (link / MANIFEST).is_file()]
    pages = {one.manifest.label: one for one in links if one.manifest.kind == "page"}
    return Page(_only(pages, str(folder)).path)


def _only(pages: Mapping[str, T], where: str) -> T:
    if len(pages) == 1:
        return next(iter(pages.values()))
    if pages:
        raise LookupError(f"{where} has {len(pages)} pages ({', '.join(pages)}); name one of them")
    raise LookupError(f"{where} has no finished page, which says what a run came to; `zhiyin run` makes it")


def _told_apart(one: Finished) -> Finished:
    return replace(one, name=f"{one.name} ({one.page.manifest.fingerprint[:4]})")
