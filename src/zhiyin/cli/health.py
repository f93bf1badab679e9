"""The checks of `zhiyin doctor`: facts about software, machine, disk and store, each with what to do."""

import fcntl
import os
import platform
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from zhiyin import __version__
from zhiyin.cli.packages import installed, packages
from zhiyin.cli.units import size
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.store import PARTIAL, Store


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report."""

    name: str
    found: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""
    sound: bool = True
    """False when zhiyin cannot work as it is."""


def software() -> list[Check]:
    """Return the versions of Python, zhiyin and every package it uses."""
    checks = [Check("python", platform.python_version()), Check("zhiyin", __version__)]
    for package in packages():
        if package.version is not None:
            checks.append(Check(package.name, package.version))
        else:
            checks.append(Check(package.name, "missing", f"{package.remedy} brings it", sound=package.extra != ""))
    return checks


def machine() -> list[Check]:
    """Return processors, memory and accelerators. Torch is asked only where it is installed."""
    checks = [
        Check("system", platform.platform()),
        Check("processors", f"{os.cpu_count()}, {_usable()} of them usable by this process"),
        Check("memory", _memory()),
    ]
    if installed("torch") is None:
        return [*checks, Check("devices", "unknown without torch", "pip install 'zhiyin[train]' brings it")]
    torch = import_module("torch")
    devices = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}, "
        f"{size(torch.cuda.get_device_properties(index).total_memory)}"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*checks, Check("devices", ", ".join([*devices, "cpu"])), Check("threads", f"{torch.get_num_threads()}")]


def disk(store: Path, data: Path) -> list[Check]:
    """Return the free space where the store is, whether it may be written, and whether shared data is there."""
    there = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    checks = [
        Check("store", str(store.absolute()), "" if writable else f"{there} cannot be written", sound=writable),
        Check("disk free", size(shutil.disk_usage(there).free)),
    ]
    if data.is_dir():
        return [*checks, Check("shared data", f"{data} ({sum(1 for _ in data.iterdir())} entries)")]
    advice = "only recipes on real data need it; they take shared_data=PATH"
    return [*checks, Check("shared data", f"{data} is not there", advice)]


def stored(root: Path, *, thorough: bool) -> list[Check]:
    """Return how many artifacts there are, the damaged ones, and what kills left behind."""
    manifests = list(Store(root).manifests())
    folders = {f"{manifest.kind}-{manifest.fingerprint}": manifest for manifest in manifests}
    total = sum(record.size for manifest in manifests for record in manifest.files.values())
    checks = [Check("artifacts", f"{len(manifests)}, {size(total)}")]
    for folder, manifest in folders.items():
        if damage := Artifact(root / folder).damage(thorough=thorough):
            checks.append(Check(manifest.label, f"damaged: {damage}", f"remove {root / folder}", sound=False))
    if len(checks) == 1 and manifests:
        checks.append(Check("bytes", "all as committed" if thorough else "sizes as committed; --verify reads all"))
    for partial in sorted(path for path in (root / PARTIAL).glob("*") if path.is_dir()):
        if _locked(partial):
            checks.append(Check("unfinished", f"{partial.name} is being made now"))
        else:
            checks.append(Check("unfinished", f"{partial.name} was cut off", "the next run of its recipe takes it up"))
    return checks


def _locked(partial: Path) -> bool:
    """Tell whether a process is at work in a partial folder."""
    lock = partial.with_name(partial.name + ".lock")
    if not lock.exists():
        return False
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _usable() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    page, names = os.sysconf("SC_PAGE_SIZE"), os.sysconf_names
    whole = size(page * os.sysconf("SC_PHYS_PAGES"))
    return f"{whole}, {size(page * os.sysconf('SC_AVPHYS_PAGES'))} free" if "SC_AVPHYS_PAGES" in names else whole
