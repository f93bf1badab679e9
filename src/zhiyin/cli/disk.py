"""What a disk that fails means in plain words, and what to do about it."""

import errno
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zhiyin.cli.units import size
from zhiyin.locale.words import say

FULL = (errno.ENOSPC, errno.EDQUOT)
NUMBERS = (*FULL, errno.EIO, errno.EROFS)
_TOLD = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")
"""Libraries in Rust (safetensors, tokenizers) and `shutil.copytree` raise errors whose message alone has the number."""


@dataclass(frozen=True)
class DiskFault:
    """One refusal of a disk."""

    number: int
    """The error number of the operating system."""
    place: Path
    """The file, or the folder where the library did not name one."""

    @property
    def cause(self) -> str:
        """What is wrong."""
        if self.number == errno.ENOSPC:
            return say("the disk is full")
        if self.number == errno.EDQUOT:
            return say("the disk quota is used up")
        return say("the disk is read-only") if self.number == errno.EROFS else say("the disk reports an I/O error")

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.number in FULL:
            free = size(shutil.disk_usage(_existing(self.place)).free)
            return say("{free} are free there. Free some space and run again.", free=free)
        if self.number == errno.EROFS:
            return say("Make it writable, or give another folder with --store, and run again.")
        return say("Look into the log of the system (dmesg) before you run again.")


def disk_fault(error: BaseException, folder: Path) -> DiskFault | None:
    """Return the refusal of a disk behind an exception, or None; `folder` is where the step was writing."""
    for each in _chain(error):
        if isinstance(each, OSError) and each.errno in NUMBERS:
            # A copy names the file it read, then the one it wrote.
            named = each.filename if each.errno == errno.EIO else each.filename2 or each.filename
            return DiskFault(each.errno, Path(str(named)) if named else folder)
        if (found := _TOLD.search(str(each))) and (number := int(found[1] or found[2])) in NUMBERS:
            return DiskFault(number, folder)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, then the one it was raised from or while handling."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _existing(place: Path) -> Path:
    return next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
