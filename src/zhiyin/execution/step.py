"""A step: a plain function, its config, and the steps it reads. Building one runs nothing."""

import hashlib
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from zhiyin.execution.artifact import Artifact
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import StepConfig

A = TypeVar("A", bound=Artifact, covariant=True)
Inputs = Mapping[str, "Step[Artifact] | Mapping[str, Step[Artifact]]"]


@dataclass(frozen=True, eq=False)
class Step(Generic[A]):
    """One named unit of cached work, whose result is an artifact of type `produces`.

    `function(config, *, out, runtime, **inputs)` writes its files under `out` and returns the artifact.
    `kind` and `version` stand for the code: moving or tidying a function is free, and a change of meaning is
    declared by raising `code_version` in its `Config`.
    """

    label: str
    function: Callable[..., A]
    config: StepConfig
    inputs: Inputs
    produces: type[A]

    @property
    def kind(self) -> str:
        """The verb's name."""
        return self.function.__name__

    @property
    def version(self) -> int:
        """The version of the verb's meaning."""
        return self.config.code_version

    @property
    def folder(self) -> str:
        """The name of the artifact's folder."""
        return f"{self.kind}-{self.fingerprint}"

    @cached_property
    def flat_inputs(self) -> "dict[str, Step[Artifact]]":
        """The steps this one reads, by input; those of a mapping are named `input.key` and keep their order."""
        return _flat(self.inputs)

    @cached_property
    def fingerprint(self) -> str:
        """The identity of the result. The label is not part of it: a rename is free.

        The order inside a mapping of inputs is, since a verb reads them in that order.
        """
        identity = {
            "kind": self.kind,
            "version": self.version,
            "config": self.config.identity(),
            "inputs": [[name, upstream.fingerprint] for name, upstream in self.flat_inputs.items()],
        }
        canonical = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:12]


def step(function: Callable[..., A], config: StepConfig, inputs: Inputs | None = None, label: str = "") -> Step[A]:
    """Build a step, checking its inputs against the annotations of `function`.

    Raises `ValueError` for a missing, unknown or mistyped input.
    """
    inputs = inputs or {}
    label = label or function.__name__
    hints = typing.get_type_hints(function)
    wanted = parameters(function)
    for name in inputs:
        if name not in wanted:
            hint = f"{nearest(name, tuple(wanted))}; it takes {', '.join(wanted) or 'none'}"
            raise ValueError(f"{label}: {function.__name__} has no input {name!r}{hint}")
    for name, parameter in wanted.items():
        if name in inputs:
            _check(label, name, inputs[name], hints[name])
        elif parameter.default is inspect.Parameter.empty:
            raise ValueError(f"{label}: {function.__name__} needs the input {name!r}, {_readable(hints[name])}")
    made = {name: upstream.produces for name, upstream in _flat(inputs).items()}
    try:
        produces = config.produces(made) or hints["return"]
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error
    return Step(label=label, function=function, config=config, inputs=inputs, produces=produces)


def _flat(inputs: Inputs) -> "dict[str, Step[Artifact]]":
    flat: dict[str, Step[Artifact]] = {}
    for name, value in sorted(inputs.items()):
        if isinstance(value, Step):
            flat[name] = value
        else:
            flat.update({f"{name}.{key}": upstream for key, upstream in value.items()})
    return flat


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the artifact inputs of a verb: its keyword-only parameters but `out` and `runtime`."""
    found = inspect.signature(function).parameters.items()
    return {name: each for name, each in found if each.kind is each.KEYWORD_ONLY and name not in ("out", "runtime")}


def _check(label: str, name: str, value: "Step[Artifact] | Mapping[str, Step[Artifact]]", hint: Any) -> None:
    """Raise unless the step(s) given for one input produce what the annotation asks for."""
    members = _members(hint)
    origin = typing.get_origin(members[0])
    many = isinstance(origin, type) and issubclass(origin, Mapping)
    if many != isinstance(value, Mapping):
        shape = "a mapping of names to steps" if many else "one step"
        raise ValueError(f"{label}: input {name!r} takes {shape}")
    hint = typing.get_args(members[0])[1] if many else hint
    for upstream in value.values() if isinstance(value, Mapping) else (value,):
        if not issubclass(upstream.produces, _members(hint)):
            found = f"{upstream.label} makes {upstream.produces.__name__}"
            raise ValueError(f"{label}: input {name!r} takes {_readable(hint)}, but {found}")


def _members(hint: Any) -> tuple[type, ...]:
    """Return the members of `A | B | None` but None."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(member for member in typing.get_args(hint) if member is not type(None))
    return (hint,)


def _readable(hint: Any) -> str:
    return " or ".join(member.__name__ if isinstance(member, type) else str(member) for member in _members(hint))


def in_order(*targets: Step[Any]) -> Iterator[Step[Any]]:
    """Yield every step the targets need, each artifact once, inputs before the steps that read them."""
    seen: set[str] = set()

    def visit(target: Step[Any]) -> Iterator[Step[Any]]:
        if target.folder in seen:
            return
        seen.add(target.folder)
        for upstream in target.flat_inputs.values():
            yield from visit(upstream)
        yield target

    for target in targets:
        yield from visit(target)
