"""Which data sets a model or a set of records came from, how many records of each, and under which licences."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from zhiyin.artifacts import RECORDS
from zhiyin.execution.artifact import Artifact
from zhiyin.records.licence import DataSet, Licence

UNKNOWN = Licence("not stated", commercial=None)


@dataclass(frozen=True)
class Line:
    """One data set of the ledger."""

    data_set: DataSet
    records: int
    """Those that came into the sets that the model, or the set itself, was made from."""


def ledger(artifact: Artifact) -> tuple[Line, ...]:
    """Return the data sets that a model, a set of records or anything else was made from, the largest first.

    A data set of which no record was left is not among them. Raises `FileNotFoundError` when an ancestor is gone.
    """
    counts: Counter[str] = Counter()
    known: dict[str, DataSet] = {}
    for records in _nearest_sets(artifact):
        counts.update(records.manifest.summary["sources"])
        for before in records.lineage:
            found = collected(before)
            if found is not None:
                known[found.name] = _joined(known[found.name], found) if found.name in known else found
    return tuple(
        Line(known.get(name, DataSet(name, "", UNKNOWN)), count) for name, count in counts.most_common() if count
    )


def collected(artifact: Artifact) -> DataSet | None:
    """Return the data set that a set of records was collected from; None for any other artifact."""
    stated = artifact.manifest.summary.get("data_set")
    return None if stated is None else msgspec.convert(stated, DataSet)


def _nearest_sets(artifact: Artifact) -> Iterator[Artifact]:
    """Yield the sets of records on the way back, without looking behind them."""
    queue = [artifact]
    seen = {artifact.path.name}
    for one in queue:
        manifest = one.manifest
        if "sources" in manifest.summary and RECORDS in manifest.files:
            yield one
            continue
        for name in manifest.inputs.values():
            if name not in seen:
                seen.add(name)
                queue.append(Artifact(artifact.path.parent / name))


def _joined(one: DataSet, other: DataSet) -> DataSet:
    """Return two collections of one name as one: what either forbids is forbidden."""
    places = tuple(dict.fromkeys((*one.places, *other.places)))
    verified = one.verified and other.verified
    if one.licence == other.licence:
        return DataSet(one.name, one.home, one.licence, places, verified)
    first, second = one.licence, other.licence
    allowed = min((first.commercial, second.commercial), key=(False, None, True).index)
    names = "; ".join(dict.fromkeys((first.name, second.name)))
    terms = " ".join(part for part in dict.fromkeys((first.terms, second.terms)) if part)
    return DataSet(one.name, one.home, Licence(names, allowed, terms), places, verified)
