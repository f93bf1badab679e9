"""The checks of `zhiyin doctor`: facts about software, machine, disk and store, each with what to do."""

import fcntl
import os
import platform
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from zhiyin import __version__
from zhiyin.cli.packages import Package, installed, packages
from zhiyin.cli.units import size
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.store import PARTIAL, Store
from zhiyin.locale.words import counted, retell, say


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
            checks.append(_missing(package))
    return checks


def _missing(package: Package) -> Check:
    advice = say("{command} brings it", command=package.remedy)
    return Check(package.name, say("missing"), advice, sound=package.extra != "")


def machine() -> list[Check]:
    """Return processors, memory and accelerators. Torch is asked only where it is installed."""
    checks = [
        Check(say("system"), platform.platform()),
        Check(
            say("processors"),
            say("{all}, {usable} of them usable by this process", all=os.cpu_count(), usable=_usable()),
        ),
        Check(say("memory"), _memory()),
    ]
    if installed("torch") is None:
        advice = say("{command} brings it", command="pip install 'zhiyin[train]'")
        return [*checks, Check(say("devices"), say("unknown without torch"), advice)]
    torch = import_module("torch")
    devices = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}, "
        f"{size(torch.cuda.get_device_properties(index).total_memory)}"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    threads = Check(say("threads"), f"{torch.get_num_threads()}")
    return [*checks, Check(say("devices"), ", ".join([*devices, "cpu"])), threads]


def disk(store: Path, data: Path) -> list[Check]:
    """Return the free space where the store is, whether it may be written, and whether shared data is there."""
    there = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    advice = "" if writable else say("{folder} cannot be written", folder=there)
    checks = [
        Check(say("store"), str(store.absolute()), advice, sound=writable),
        Check(say("disk free"), size(shutil.disk_usage(there).free)),
    ]
    if data.is_dir():
        entries = sum(1 for _ in data.iterdir())
        found = counted("{data} ({number} entry)", "{data} ({number} entries)", entries, data=data)
        return [*checks, Check(say("shared data"), found)]
    advice = say("only recipes on real data need it; they take shared_data=PATH")
    return [*checks, Check(say("shared data"), say("{data} is not there", data=data), advice)]


def stored(root: Path, *, thorough: bool) -> list[Check]:
    """Return how many artifacts there are, the damaged ones, and what kills left behind."""
    manifests = list(Store(root).manifests())
    folders = {f"{manifest.kind}-{manifest.fingerprint}": manifest for manifest in manifests}
    total = sum(record.size for manifest in manifests for record in manifest.files.values())
    checks = [Check(say("artifacts"), f"{len(manifests)}, {size(total)}")]
    for folder, manifest in folders.items():
        if damage := Artifact(root / folder).damage(thorough=thorough):
            found = say("damaged: {damage}", damage=retell(damage))
            checks.append(Check(manifest.label, found, say("remove {folder}", folder=root / folder), sound=False))
    if len(checks) == 1 and manifests:
        found = say("all as committed") if thorough else say("sizes as committed; --verify reads all")
        checks.append(Check(say("bytes"), found))
    for partial in sorted(path for path in (root / PARTIAL).glob("*") if path.is_dir()):
        if _locked(partial):
            checks.append(Check(say("unfinished"), say("{name} is being made now", name=partial.name)))
        else:
            found, advice = say("{name} was cut off", name=partial.name), say("the next run of its recipe takes it up")
            checks.append(Check(say("unfinished"), found, advice))
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
    if "SC_AVPHYS_PAGES" not in names:
        return whole
    return say("{all}, {free} free", all=whole, free=size(page * os.sysconf("SC_AVPHYS_PAGES")))
