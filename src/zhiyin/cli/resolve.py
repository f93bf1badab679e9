"""Which artifact a person means by a folder, a link, the beginning of a name, or a label."""

from pathlib import Path

from zhiyin.execution.artifact import MANIFEST
from zhiyin.execution.catalog import nearest
from zhiyin.execution.store import Store


def resolve(name: str, store: Path) -> Path:
    """Return the folder of the artifact meant by `name`; raises `LookupError` that says what there is.

    Tried in this order: a path (a folder or a link in `runs/`), a label (the artifact made last under it),
    and the beginning of a folder's name, which must fit one folder only.
    """
    path = Path(name)
    if (path / MANIFEST).is_file():
        return path.resolve()
    if path.is_symlink() and not path.exists():
        raise LookupError(f"{path} points to {path.readlink()}, which is gone; `zhiyin run` makes it again")
    if path.is_dir():
        raise LookupError(f"{path} is not a finished artifact: it has no {MANIFEST}")
    labels = {manifest.label: f"{manifest.kind}-{manifest.fingerprint}" for manifest in Store(store).manifests()}
    if name in labels:
        return (store / labels[name]).resolve()
    folders = sorted(file.parent.name for file in store.glob(f"*/{MANIFEST}"))
    fitting = [folder for folder in folders if name and folder.startswith(name)]
    if len(fitting) == 1:
        return (store / fitting[0]).resolve()
    if fitting:
        raise LookupError(f"{name!r} fits {len(fitting)} artifacts: {', '.join(fitting)}; give more of the name")
    known = (*labels, *folders)
    there = f"there are {', '.join(sorted(labels))}" if labels else f"{store} holds no artifact"
    raise LookupError(f"no artifact, link or folder is called {name!r}{nearest(name, known)}; {there}")
