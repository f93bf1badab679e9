"""Which sequences are run together: those of like length, longest first, under a limit of padded tokens."""

from collections.abc import Callable, Iterator, Sequence

from zhiyin.weights.budget import Part


def by_length(
    lengths: Sequence[int], *, padded: int, weights: Sequence[int] | None = None, heaviest: int = 0
) -> Iterator[list[int]]:
    """Yield indices of sequences, batch by batch, at least one each, the longest first.

    A batch holds at most `padded` tokens (its rows times its longest row), and its `weights` sum to `heaviest` at most.
    The longest come first, so a lack of memory shows at once.
    """
    batch: list[int] = []
    weight = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        added = weights[index] if weights else 0
        too_wide = bool(batch) and (len(batch) + 1) * lengths[batch[0]] > padded
        too_heavy = bool(batch) and weight + added > heaviest
        if too_wide or too_heavy:
            yield batch
            batch, weight = [], 0
        batch.append(index)
        weight += added
    if batch:
        yield batch


def cut_by_length(
    lengths: Sequence[int], weights: Sequence[int] | None = None, heaviest: int = 0
) -> Callable[[Sequence[int], int], list[Part[int]]]:
    """Return what cuts some of the sequences, named by their indices, into batches of at most so many padded tokens."""

    def cut(left: Sequence[int], tokens: int) -> list[Part[int]]:
        some = [lengths[index] for index in left]
        own = [weights[index] for index in left] if weights else None
        batches = [
            [left[place] for place in batch] for batch in by_length(some, padded=tokens, weights=own, heaviest=heaviest)
        ]
        return [Part(batch, len(batch) * max(lengths[index] for index in batch)) for batch in batches]

    return cut
