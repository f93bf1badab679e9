"""Which sequences are run together: those of like length, longest first, under a limit of padded tokens."""

from collections.abc import Callable, Iterator, Sequence

from zhiyin.weights.budget import Part

MOST_ROWS = 512
"""Of one batch cut by `fewest_tokens`: more rows at once are not faster, and take longer to plan."""
_HARMONIC = 7
"""Above 1 + 1/2 + ... + 1/MOST_ROWS."""


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


def fewest_tokens(
    lengths: Sequence[int], *, padded: int, start: int, weights: Sequence[int] | None = None, heaviest: int = 0
) -> list[list[int]]:
    """Return batches of indices, the longest first, whose padded tokens plus `start` for each batch are fewest.

    `start` is what beginning a forward pass costs, in tokens. `padded`, `weights` and `heaviest` are those of
    `by_length`. Neighbours by length are together, and where to cut them is found by dynamic programming: a batch that
    ends at a row is as long as pays, or as the limits allow, so every beginning for it is tried.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    ordered = [lengths[index] for index in order]
    heavy = [weights[index] for index in order] if weights else [0] * len(order)
    # Of the first `end` rows: the fewest tokens, and where the last batch begins.
    fewest, begins = [0], [0]
    for end in range(1, len(order) + 1):
        best, begin, sum_of_lengths, weight = -1, end, 0, 0
        for first in range(end - 1, max(end - MOST_ROWS, 0) - 1, -1):
            rows, width = end - first, ordered[first]
            sum_of_lengths += width
            weight += heavy[first]
            if rows > 1 and (rows * width > padded or weight > heaviest):
                break
            cost = fewest[first] + rows * width + start
            if best < 0 or cost < best:
                best, begin = cost, first
            # With this much padding some cut in two gains more than `start`: rows beyond k hold less than padding / k.
            if rows * width - sum_of_lengths > start * _HARMONIC:
                break
        fewest.append(best)
        begins.append(begin)
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[begins[end] : end])
        end = begins[end]
    return batches[::-1]
