"""The loops of OpenCompass and LLaMA-Factory, written anew on the prompts of every side.

OpenCompass (its PPL inferencer): a forward pass of the whole text for each of the four answers, one text at a time,
logits of every position, and the answer with the lowest mean cross-entropy. LLaMA-Factory 0.9 (its evaluator): four
questions at a time in the order of the data set, padded to the longest, logits of every position, and a softmax over
the four letters after the last token. Prompts, weights and precision are those of the other sides; what differs is
how often, in what batches, and with which logits the model runs.
"""

from typing import Any

from bench.sides import job as jobs
from bench.sides.exam import LETTERS, Exam, Report, run, timed

ROWS = 4
"""Questions that LLaMA-Factory runs together, unless told otherwise."""


def side(exam: Exam, report: Report) -> None:
    """Answer every question with the loop that the exam names."""
    import transformers

    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(exam.model)
    network = transformers.AutoModelForCausalLM.from_pretrained(exam.model, dtype="float32").eval()
    asked = exam.asked()
    loop = {"opencompass": _whole_texts, "llamafactory": _padded}[exam.side]
    with timed(report, network):
        loop([one.text for one in asked], tokenizer, network, report)
    report.flags = f"{exam.side} float32 attention={network.config._attn_implementation}"
    report.versions = jobs.versions()


def _whole_texts(texts: list[str], tokenizer: Any, network: Any, report: Report) -> None:
    """Four whole texts for each question; the log-probability of a letter is read off the same logits.

    Losses are summed in float64: a sum of 300 of them in float32, as OpenCompass makes it, cannot tell answers apart
    that are closer than 2e-4.
    """
    import torch
    from torch.nn.functional import cross_entropy

    for text in texts:
        means, scores = [], []
        for letter in LETTERS:
            ids_1T = tokenizer(f"{text} {letter}", return_tensors="pt").input_ids
            with torch.no_grad():
                logits_1TV = network(ids_1T).logits
            losses_T = cross_entropy(logits_1TV[0, :-1], ids_1T[0, 1:], reduction="none")
            means.append(float(losses_T.double().sum() / ids_1T.shape[1]))
            scores.append(-float(losses_T[-1]))
        report.scores.append(scores)
        report.chosen.append(means.index(min(means)))


def _padded(texts: list[str], tokenizer: Any, network: Any, report: Report) -> None:
    """Four questions at a time, padded on the right and masked."""
    import torch

    tokenizer.padding_side = "right"
    letters_4 = [tokenizer.encode(f"： {letter}", add_special_tokens=False)[-1] for letter in LETTERS]
    encoded = [tokenizer(text) for text in texts]
    for start in range(0, len(encoded), ROWS):
        batch = tokenizer.pad(encoded[start : start + ROWS], return_attention_mask=True, return_tensors="pt")
        with torch.inference_mode():
            logits_BTV = network(**batch).logits
            last_B = batch["attention_mask"].sum(-1) - 1
            chances_B4 = logits_BTV[torch.arange(len(last_B)), last_B][:, letters_4].softmax(-1)
        report.scores += chances_B4.log().tolist()
        report.chosen += chances_B4.argmax(-1).tolist()


if __name__ == "__main__":
    run(side)
