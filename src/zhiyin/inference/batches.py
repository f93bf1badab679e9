"""Which sequences are run together: those of like length, longest first, under a limit of padded tokens."""

from collections.abc import Iterator, Sequence


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
