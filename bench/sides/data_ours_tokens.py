"""Our side of tokenising: records to examples as the training step takes them in, and rows packed end to end.

Tensors are made of a row when it is trained on, by either side; they are no part of this.
"""

from pathlib import Path

from bench.sides import data_work
from bench.sides.data_tokens import MAX_LENGTH, digest
from bench.sides.data_work import Report, Work


def side(work: Work, report: Report) -> None:
    """Encode, plan rows of as many tokens as fit, and lay them."""
    from zhiyin.artifacts import ConversationSet
    from zhiyin.chat.template import load_encoder
    from zhiyin.execution.catalog import make
    from zhiyin.training.batches import plan_steps
    from zhiyin.training.objectives import Objective
    from zhiyin.training.overlength import take_in
    from zhiyin.training.segments import lay

    objective = make(Objective, "cross_entropy")
    report.versions = data_work.versions("tokenizers", "torch")
    report.flags = f"max_length={MAX_LENGTH} one process"
    with report.stage("tokenise"):
        encoder = load_encoder(Path(work.prompts))
        taken = take_in(ConversationSet(Path(work.corpus) / "records"), objective, encoder, max_length=MAX_LENGTH)
    with report.stage("pack"):
        sequences = [sequence for example in taken.examples for sequence in example.sequences]
        plan = plan_steps([len(one.ids) for one in sequences], batch_size=1, batch_tokens=MAX_LENGTH, epochs=1, seed=0)
        rows = [lay([sequences[at] for at in step], share=False) for step in plan]
    report.rows = {
        "examples": len(sequences),
        "packed": len(rows),
        "tokens": sum(len(row.ids) for row in rows),
        "supervised": sum(len(row.places) for row in rows),
        "set aside": len(taken.rejected),
    }
    report.same = digest([token for token, mask in zip(one.ids, one.mask, strict=True) if mask] for one in sequences)


if __name__ == "__main__":
    data_work.run(side)
