"""Rows to attend to, and the obvious attention of them: one matrix of scores, one mask told place by place."""

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from zhiyin.chat.encode import Encoded
from zhiyin.training.attention import Scoring
from zhiyin.training.segments import Segment, lay

SHAPES = {
    "alone": [Segment(0, 40)],
    "neighbours": [Segment(0, 9), Segment(9, 10), Segment(10, 45)],
    "pair": [Segment(0, 30), Segment(30, 41, ((0, 30),)), Segment(41, 58, ((0, 30),))],
    "tree": [
        Segment(0, 20),
        Segment(20, 33, ((0, 20),)),
        Segment(33, 34, ((0, 20), (20, 33))),
        Segment(34, 50, ((0, 20), (20, 33))),
        Segment(50, 57, ((0, 20),)),
        Segment(57, 75),
        Segment(75, 80, ((57, 75),)),
    ],
}
SCORINGS = {
    "plain": Scoring(0.25),
    "capped": Scoring(0.4, softcap=3.0),
    "far": Scoring(2.0, softcap=90.0),
    "windowed": Scoring(0.25, window=7),
    "capped and windowed": Scoring(0.4, softcap=3.0, window=11),
}


def seen(segments: Sequence[Segment], window: int | None) -> Tensor:
    """Return whether each place sees each other [T, T], found out by walking along its sequence."""
    found = torch.zeros(segments[-1].end, segments[-1].end, dtype=torch.bool)
    for segment in segments:
        for place in range(segment.start, segment.end):
            path = [at for span in segment.sees for at in range(*span)] + list(range(segment.start, place + 1))
            found[place, path[-window:] if window else path] = True
    return found


def dense(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Return the attention [1, T, H, D] by softmax over all places."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * scoring.scale
    if scoring.softcap:
        scores = scoring.softcap * torch.tanh(scores / scoring.softcap)
    hidden = ~seen(segments, scoring.window).to(scores.device)
    return (scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value).transpose(1, 2)


def states(
    segments: Sequence[Segment], heads: tuple[int, int] = (4, 2), size: int = 8, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a random query, key and value of a row."""
    draw = torch.Generator().manual_seed(3)
    query, key, value = (
        torch.randn(1, count, segments[-1].end, size, generator=draw).to(dtype) for count in (heads[0], *[heads[1]] * 2)
    )
    return query, key, value


@st.composite
def rows(draw: st.DrawFn) -> list[Segment]:
    """Draw the segments of a row laid from sequences of which some begin alike, at several depths."""
    letters = st.integers(1, 2)
    beginnings = [[], *draw(st.lists(st.lists(letters, min_size=16, max_size=24), max_size=2))]
    family = []
    for _ in range(draw(st.integers(1, 5))):
        ids = [*draw(st.sampled_from(beginnings)), *draw(st.sampled_from(beginnings))]
        ids += draw(st.lists(letters, min_size=1, max_size=12))
        family.append(Encoded([9, *ids, 4], [False, *[True] * (len(ids) + 1)]))
    return lay(family).segments
