"""What measures, curves, rooms and facts of a machine are called in the reader's language."""

from collections.abc import Callable


def measure_names(t: Callable[..., str]) -> dict[str, str]:
    """Return the name of each measure that is known; another is called by its own."""
    return {
        "accuracy": t("accuracy"),
        "bits_per_character": t("bits per character"),
        "characters": t("characters"),
        "chosen_preferred": t("chosen preferred"),
        "perplexity": t("perplexity"),
        "reward_accuracy": t("reward accuracy"),
        "reward_margin": t("reward margin"),
        "stopped": t("stopped"),
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
        "fall": t("fall"),
        "format mismatch": t("format mismatch"),
        "not fall": t("not fall"),
        "rise": t("rise"),
    }
    return {**measure_names(t), **curves, **rooms, **facts, **rulings}
