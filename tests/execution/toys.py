"""Small verbs to try the core with; `python -m tests.execution.toys` runs their plan in a process of its own."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import Config, InputPath, StepConfig
from zhiyin.execution.runner import Event, run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step


class Text(Artifact):
    """`text.txt`."""

    telemetry = ("telemetry/*", "speed.txt")

    @property
    def content(self) -> str:
        return (self.path / "text.txt").read_text(encoding="utf-8")


class Number(Artifact):
    """`number.txt`."""


class Style(Config):
    width: int = 1
    """Characters."""
    marks: tuple[str, ...] = ("，", "。")
    """Punctuation."""


class GatherConfig(StepConfig):
    text: str = "春眠不觉晓"
    """The line."""
    times: float = 1.0
    """Any number."""
    style: Style = Style()
    """A nested config."""
    file: InputPath | None = None
    """Read after the line."""


def gather(config: GatherConfig, *, out: Path, runtime: Runtime) -> Text:
    more = config.file.read_text(encoding="utf-8") if config.file else ""
    (out / "text.txt").write_text(config.text + more, encoding="utf-8")
    (out / "telemetry").mkdir()
    (out / "telemetry" / "clock.txt").write_text(str(time.monotonic_ns()))
    (out / "speed.txt").write_text(str(time.perf_counter_ns()))
    return Text(out, {"characters": len(config.text)})


class JoinConfig(StepConfig):
    separator: str = "，"
    """Between two texts."""


def join(
    config: JoinConfig, *, out: Path, runtime: Runtime, texts: Mapping[str, Text], seed: Number | None = None
) -> Text:
    (out / "text.txt").write_text(config.separator.join(text.content for text in texts.values()), encoding="utf-8")
    return Text(out, {"inputs": {name: dict(text.summary) for name, text in texts.items()}})


class CountConfig(StepConfig):
    pause: float = 0.0
    """Seconds to sleep, so that another process can come."""


def count(config: CountConfig, *, out: Path, runtime: Runtime, text: Text | None) -> Number:
    time.sleep(config.pause)
    (out / "number.txt").write_text(str(len(text.content) if text else 0))
    return Number(out)


class StairsConfig(StepConfig):
    steps: int = 4
    """Files to write."""


def stairs(config: StairsConfig, *, out: Path, runtime: Runtime, text: Text) -> Number:
    """Write its files one after the other, and what it found in the folder when it came."""
    found = sorted(path.name for path in out.glob("step-*.txt"))
    (out / "telemetry").mkdir(exist_ok=True)
    (out / "telemetry" / "found.json").write_text(json.dumps(found))
    for number in range(config.steps):
        file = out / f"step-{number}.txt"
        if not file.exists():
            half = out / "half.txt"
            half.write_text(text.content * number, encoding="utf-8")
            half.rename(file)
    return Number(out, {"steps": config.steps})


class ClimbConfig(StairsConfig):
    """The same stairs, which may be gone on with."""

    resumable: ClassVar[bool] = True


def climb(config: ClimbConfig, *, out: Path, runtime: Runtime, text: Text) -> Number:
    return stairs(config, out=out, runtime=runtime, text=text)


def poem() -> Step[Text]:
    """Return a plan of three steps."""
    first = step(gather, GatherConfig(), label="first")
    second = step(gather, GatherConfig(text="处处闻啼鸟"), label="second")
    return step(join, JoinConfig(), {"texts": {"first": first, "second": second}}, label="poem")


def counted(pause: float = 0.0) -> Step[Number]:
    """Return a plan of four steps."""
    return step(count, CountConfig(pause=pause), {"text": poem()}, label="counted")


def main(store: Path, partner: str) -> None:
    """Run `counted` in `store` as soon as the partner is there too, and print every state of every step."""
    store.mkdir(parents=True, exist_ok=True)
    me = "left" if partner == "right" else "right"
    (store.parent / me).touch()
    while not (store.parent / partner).exists():
        time.sleep(0.001)
    states: list[Any] = []

    def watch(event: Event) -> None:
        states.append([event.step.label, event.state])

    run([counted(pause=0.4)], Runtime(store=store), watch)
    sys.stdout.write(json.dumps(states))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
