"""What measures, curves, rooms and facts of a machine are called in the reader's language."""

from collections.abc import Callable


def measure_names(t: Callable[..., str]) -> dict[str, str]:
    """Return the name of each measure that is known; another is called by its own."""
    return {
        "accuracy": t("accuracy"),
        "answered": t("answered"),
        "bits_per_character": t("bits per character"),
        "characters": t("characters"),
        "chosen_preferred": t("chosen preferred"),
        "flexible_accuracy": t("accuracy by the last number"),
        "follows_content": t("answer follows the content"),
        "follows_position": t("answer follows the letter"),
        "length_controlled_win_rate": t("win rate at equal length"),
        "orders_agree": t("both orders agree"),
        "other_language": t("in another language"),
        "perplexity": t("perplexity"),
        "ran_on": t("ran on"),
        "reasoning_characters": t("characters of reasoning"),
        "refused": t("refused"),
        "repetition": t("repetition"),
        "reward_accuracy": t("reward accuracy"),
        "reward_margin": t("reward margin"),
        "stopped": t("stopped"),
        "strict_compliance": t("a letter and nothing else"),
        "style_controlled_win_rate": t("win rate at equal style"),
        "traditional": t("traditional characters"),
        "turned_accuracy": t("accuracy with turned options"),
        "win_rate": t("win rate"),
    }


def plain_names(t: Callable[..., str]) -> dict[str, str]:
    """Return what else the page names by a word of the code: curves, splits, rooms, facts of a machine."""
    curves = {
        "chosen": t("chosen"),
        "gradient norm": t("gradient norm"),
        "held_out": t("held out"),
        "learning rate": t("learning rate"),
        "log-probabilities": t("log-probabilities"),
        "logps/chosen": t("log-probability of the chosen"),
        "logps/rejected": t("log-probability of the rejected"),
        "loss": t("loss"),
        "margins": t("margins"),
        "optimiser step": t("optimiser step"),
        "padding_share": t("share of padding"),
        "rejected": t("rejected"),
        "reward accuracy": t("reward accuracy"),
        "rewards": t("rewards"),
        "rewards/chosen": t("reward of the chosen"),
        "rewards/margins": t("reward margin"),
        "rewards/rejected": t("reward of the rejected"),
        "supervised_tokens": t("supervised tokens of a step"),
        "train": t("train"),
    }
    rooms = {
        "data": t("data"),
        "evaluation": t("evaluation"),
        "export": t("export"),
        "inference": t("inference"),
        "other": t("other"),
        "training": t("training"),
        "weights": t("weights"),
    }
    facts = {"commit": t("commit"), "machine": t("machine"), "runtime": t("runtime")}
    rulings = {
        "at chance": t("at chance"),
        "contamination": t("contamination"),
        "fall": t("fall"),
        "format mismatch": t("format mismatch"),
        "not fall": t("not fall"),
        "rise": t("rise"),
        "within budget": t("within budget"),
    }
    return {**measure_names(t), **curves, **rooms, **facts, **rulings}
