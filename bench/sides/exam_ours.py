"""Our side of an exam: the session of the transformers engine, prompts in and completions out."""

from pathlib import Path

from bench.sides import job as jobs
from bench.sides.exam import LETTERS, Exam, Report, run, timed


def side(exam: Exam, report: Report) -> None:
    """Score the four answers of every question with `Session.score`."""
    from zhiyin.chat.template import load_encoder
    from zhiyin.inference.engines.transformers import TransformersSession
    from zhiyin.records.prompt import Prompt
    from zhiyin.weights.load import load_model

    model = load_model(Path(exam.model), device="cpu")
    session = TransformersSession(model, load_encoder(Path(exam.model), None), exam.micro_batch_tokens)
    asked = exam.asked()
    with timed(report, model):
        prompts = [
            Prompt(
                f"{one.subject}/{one.row}",
                text=one.text,
                choices=tuple(f" {letter}" for letter in LETTERS),
                group=one.subject,
            )
            for one in asked
        ]
        answers = session.score(prompts, lambda finished: None)
        report.scores = [list(answer.choice_logprobs) for answer in answers]
        report.chosen = [scores.index(max(scores)) for scores in report.scores]
    report.flags = f"micro_batch_tokens={exam.micro_batch_tokens} float32 attention={model.config._attn_implementation}"
    report.versions = jobs.versions()


if __name__ == "__main__":
    run(side)
