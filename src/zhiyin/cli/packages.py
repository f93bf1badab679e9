"""Which packages zhiyin uses, which are installed, and the extra that brings each."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?[^;]*(?:;.*extra == ['\"](\w+)['\"])?")


@dataclass(frozen=True)
class Package:
    """One dependency of zhiyin."""

    name: str
    extra: str
    """The extra that brings it; empty for the core."""
    version: str | None
    """None when it is not installed."""

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f"pip install 'zhiyin[{self.extra}]'" if self.extra else "pip install zhiyin"


def packages() -> list[Package]:
    """Return every dependency once, the core first, then by extra as declared."""
    found: dict[str, Package] = {}
    for requirement in requires("zhiyin") or ():
        match = _REQUIREMENT.match(requirement)
        if match and match[1] != "zhiyin" and match[1] not in found:
            found[match[1]] = Package(match[1], match[2] or "", installed(match[1]))
    return sorted(found.values(), key=lambda package: package.extra != "")


def installed(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def remedy(module: str) -> str:
    """Return ` (pip install 'zhiyin[train]' brings it)` for a module that could not be imported, or nothing."""
    known = {package.name.lower().replace("-", "_"): package for package in packages()}
    package = known.get(module.partition(".")[0].lower())
    return f" ({package.remedy} brings it)" if package else ""
