"""Arena-Hard's half of `win_rate`: judgments matched with the answers, and control of style."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zhiyin.evaluation.arena_hard import Battle, Judgment, Several, battles, read_judgments, write
from zhiyin.evaluation.arena_judge import judgment, pair_marks
from zhiyin.evaluation.arena_scores import Style, Table, bootstrap, controlled, percentiles
from zhiyin.evaluation.arena_style import differences, style
from zhiyin.evaluation.win_rate_pairs import ARENA, Answered, Words, how_answered, shown, with_baseline
from zhiyin.evaluation.win_rate_sums import Judged
from zhiyin.records.jsonl import Rejected
from zhiyin.records.score import Score

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats, Resampling

STYLE_CONTROLLED = "style_controlled_win_rate"


def arena(
    pairs: list[Answered],
    words: Words,
    out: Path,
    held: Literal["none", "length", "all"],
    several: Several,
    plan: Resampling,
) -> Judged:
    """Read a judge's verdicts on both orders, and write them as `judgments.jsonl`.

    The style-controlled rate is v2's without centring (see `arena_style.standardised`), so that it is one between
    answers of equal style, and is given by category, since each has a baseline of its own. Raises `ValueError` for
    judgments of other questions or baselines, or of several models.
    """
    judgments = _from_file(pairs, words.file) if words.file else _from_verdicts(pairs, words, several)
    write(out / "judgments.jsonl", judgments)
    groups = {pair.prompt.id: pair.prompt.group for pair in pairs}
    baselines = {pair.prompt.group: str(pair.prompt.meta["baseline"]) for pair in pairs}
    named = [_with_baseline(one, baselines[groups[one.uid]]) for one in judgments]
    found = battles(named)
    by_question: dict[str, list[Battle]] = {}
    for battle in found.played:
        by_question.setdefault(battle.uid, []).append(battle)
    if not found.played:
        raise ValueError(f"no verdict could be read in any of {len(found.unread)} games about {len(pairs)} answers")
    silent = [pair for pair in pairs if pair.prompt.id not in by_question]
    unread = [Rejected(where, "no verdict", "") for where in found.unread]
    judged_ids = {one.uid for one in judgments}
    absent = [Rejected(one.prompt.id, "not judged", "") for one in silent if one.prompt.id not in judged_ids]
    fitted = () if held == "none" else _styled(pairs, list(found.played), held == "all", plan)
    return Judged(
        marks=tuple(mark for pair in pairs for mark in pair_marks(pair.prompt, by_question.get(pair.prompt.id, []))),
        fitted=fitted,
        rejected=(*unread, *absent),
        undecided=Counter(pair.prompt.group for pair in silent),
        judge=how_answered(words.verdicts) if words.verdicts else sorted({one.judge for one in judgments}),
        warnings=tuple(_told(len(pairs), len(found.unread), len(silent), baselines)),
    )


def _from_file(pairs: list[Answered], file: Path) -> list[Judgment]:
    found = read_judgments(file)
    asked = {pair.prompt.id for pair in pairs}
    unknown = [one.uid for one in found if one.uid not in asked]
    models = sorted({one.model for one in found})
    if unknown or len(models) > 1:
        raise ValueError(
            f"{file} must judge one model's answers to the questions asked here; it judges {', '.join(models)}; "
            f"questions that were not asked: {shown(unknown)}"
        )
    return found


def _from_verdicts(pairs: list[Answered], words: Words, several: Several) -> list[Judgment]:
    with_baseline(pairs, ARENA)
    said, model = words.said(), str(words.setting("model"))
    missing = [one.prompt.id for one in pairs if f"{one.prompt.id}/1" not in said]
    if missing:
        raise ValueError(f"the judge was not asked about {shown(missing)}")
    return [judgment(one, [said[f"{one.id}/1"], said[f"{one.id}/2"]], model, several) for one, _ in pairs]


def _with_baseline(one: Judgment, baseline: str) -> Judgment:
    """Return the judgment with its baseline named; raises `ValueError` when it names another."""
    if one.baseline not in ("", baseline):
        raise ValueError(f"judgment {one.uid} is against {one.baseline}; the baseline of its category is {baseline}")
    return Judgment(one.uid, one.model, one.games, one.judge, one.category, baseline)


def _styled(pairs: list[Answered], played: list[Battle], markdown: bool, plan: Resampling) -> tuple[Score, ...]:
    """Return the style-controlled rate of each category, with its interval over questions."""
    with_baseline(pairs, ARENA)
    scores = []
    groups = {pair.prompt.id: pair.prompt.group for pair in pairs}
    for group in dict.fromkeys(groups.values()):
        own = [one for one in played if groups[one.uid] == group]
        if not own:
            continue
        model, baseline = own[0].model, own[0].baseline
        styles = {(model, one.id): style(answer.text) for one, answer in pairs}
        styles |= {(baseline, one.id): style(one.reference) for one, _ in pairs}
        table = Table.of(own)
        still = Style(differences(own, styles, "v2", markdown), "v2", centred=False)
        place = table.place(model)
        rate = float(controlled(table, baseline, still)[0][place])
        resampled = bootstrap(table, partial(_controlled, table, baseline, still), plan)
        low, high = percentiles(resampled, place, plan.confidence)
        questions = len({one.uid for one in own})
        asked = sum(one == group for one in groups.values())
        name = group if len(set(groups.values())) > 1 else ""
        scores.append(Score(ARENA, STYLE_CONTROLLED, name, rate, low, high, questions, asked - questions))
    return tuple(scores)


def _controlled(table: Table, anchor: str, still: Style, weights_N: Floats) -> Floats:
    return controlled(table, anchor, still, weights_N)[0]


def _told(asked: int, unread: int, silent: int, baselines: dict[str, str]) -> list[str]:
    told = []
    if unread:
        told.append(f"no verdict could be read in {unread} games; they are left out of win_rate")
    if silent:
        told.append(f"{silent} of {asked} answers have no verdict at all and are left out of win_rate")
    if len(set(baselines.values())) > 1:
        each = ", ".join(f"{group}: {name}" for group, name in baselines.items())
        told.append(f"the categories are judged against different baselines ({each}): read them apart, not as a whole")
    return told
