"""A package of small fake rooms, so that the recipe room is tested without the real ones."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = "fake_rooms"
FILES = {
    "__init__.py": "",
    "data/__init__.py": "",
    "data/collect.py": '''
"""Collect."""
from pathlib import Path
from fake_rooms.data.sources import AnySource
from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

class Config(StepConfig):
    """Which source."""
    source: AnySource
    """The data set."""
    limit: int | None = None
    """Rows, at most."""

    def produces(self, inputs):
        return TextSet if self.source.name == "text" else ConversationSet

def collect(config: Config, *, out: Path, runtime: Runtime) -> ConversationSet:
    """Collect."""
    return ConversationSet.write(out, [])
''',
    "data/mix.py": '''
"""Mix."""
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from pydantic import Field
from zhiyin.artifacts import ConversationSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

class Config(StepConfig):
    """How to mix."""
    ratios: dict[str, float] = {}
    """Share of each."""
    short: Literal["error", "repeat"] = "error"
    """What to do when a source is short."""
    total: int = Field(default=10, ge=1)
    """Records."""
    shuffle: bool = True
    """Whether to shuffle."""

def mix(config: Config, *, out: Path, runtime: Runtime, sources: Mapping[str, ConversationSet]) -> ConversationSet:
    """Mix."""
    return ConversationSet.write(out, [])
''',
    "data/rows.py": '"""Not a step."""\n',
    "data/sources/__init__.py": '''
"""Sources."""
from typing import Annotated
from pydantic import SerializeAsAny
from zhiyin.execution.catalog import Plugin, choice

class Source(Plugin):
    """A data set."""

AnySource = Annotated[SerializeAsAny[Source], choice(Source)]
''',
    "data/sources/generated.py": '''
"""Generated."""
from pydantic import Field
from fake_rooms.data.sources import Source

class Generated(Source):
    """Made by code."""
    count: int = Field(gt=0)
    """How many records to make."""
    seed: int = 0
    """Another seed, other records."""
    words: tuple[str, ...] = ()
    """Words to use."""
''',
    "data/sources/text.py": '''
"""Text."""
from fake_rooms.data.sources import Source
from zhiyin.execution.config import InputPath

class Text(Source):
    """A file."""
    path: InputPath
    """The file."""
''',
    "training/__init__.py": "",
    "training/train.py": '''
"""Train."""
from pathlib import Path
from zhiyin.artifacts import Checkpoint, ConversationSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

class Config(StepConfig):
    """How to train."""
    learning_rate: float = 1e-4
    """The peak."""
    note: str = ""
    """A word on it."""

def train(
    config: Config, *, out: Path, runtime: Runtime,
    model: Checkpoint, records: ConversationSet, held_out: ConversationSet | None = None,
) -> Checkpoint:
    """Train."""
    return Checkpoint(out)
''',
    "training/clash.py": '''
"""A field and an input of one name."""
from pathlib import Path
from zhiyin.artifacts import Checkpoint
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

class Config(StepConfig):
    """Clashes."""
    model: str = ""
    """Also an input."""

def clash(config: Config, *, out: Path, runtime: Runtime, model: Checkpoint) -> Checkpoint:
    """Clash."""
    return Checkpoint(out)
''',
    "weights/__init__.py": "",
    "weights/tiny.py": '''
"""Tiny."""
from pathlib import Path
from zhiyin.artifacts import Checkpoint
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

class Config(StepConfig):
    """Small."""
    layers: int = 2
    """Layers."""

def tiny(config: Config, *, out: Path, runtime: Runtime) -> Checkpoint:
    """Make."""
    return Checkpoint(out)
''',
    # A file that cannot be imported shows that only the files a recipe names are.
    "weights/merge.py": '''
"""Merge."""
raise ImportError("a library is missing")
class Config(StepConfig):
    pass
''',
}


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name of the fake package, importable while the tests run."""
    root = tmp_path_factory.mktemp("rooms")
    for name, text in FILES.items():
        file = root / PACKAGE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip(), encoding="utf-8")
    sys.path.insert(0, str(root))
    yield PACKAGE
    sys.path.remove(str(root))


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that writes `r.yaml` in the current folder, an empty one."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        Path("r.yaml").write_text(text, encoding="utf-8")
        return Path("r.yaml")

    return write
