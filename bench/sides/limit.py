"""What a ratio could be if only the matrix products of the layers and the output layer counted.

Attention, element-wise work and all that is around a step are left out: a side can pass the limit where it does less
of that as well, and stays below it where it does not.
"""

from bench.sides.job import Job, Row
from bench.sides.texts import SHAPES


def limit(job: Job, rival: str, charged: bool) -> float:
    """Return the rival's operations over ours in the timed steps; `charged` counts our reference pass."""
    rows = job.rows()
    batches = [rows[start : start + job.batch] for start in range(job.batch, len(rows), job.batch)]
    theirs = _strongest if rival == "trl-strongest" else _default
    return sum(theirs(batch, job) for batch in batches) / sum(_ours(batch, job, charged) for batch in batches)


def _weights(job: Job) -> tuple[int, int]:
    """Return the weights a token meets in the layers, and a place in the output layer."""
    _, shape = SHAPES[job.shape]
    hidden, size = shape["hidden_size"], shape["head_dim"]
    attention = 2 * hidden * size * (shape["num_attention_heads"] + shape["num_key_value_heads"])
    layers = shape["num_hidden_layers"] * (attention + 3 * hidden * shape["intermediate_size"])
    return layers, hidden * shape["vocab_size"]


def _ours(batch: list[Row], job: Job, charged: bool) -> int:
    """Every token once, a pair's prompt too; forward and backward; the output layer at labels, in two products."""
    layers, head = _weights(job)
    labels = sum(len(answer) for row in batch for answer in row.answers)
    tokens = sum(len(row.prompt) - len(row.answers) for row in batch) + labels
    reference = tokens * layers + labels * head if charged else 0
    return 2 * tokens * layers + 2 * labels * head + reference


def _default(batch: list[Row], job: Job) -> int:
    """Padded to the longest of the batch, layers run again in the backward pass; DPO also runs the reference."""
    layers, head = _weights(job)
    padded = _padded(batch)
    passes, products = {"sft": (3, 3), "dpo": (4, 4), "simpo": (3, 2)}[job.task]
    return passes * padded * layers + products * padded * head


def _strongest(batch: list[Row], job: Job) -> int:
    """One example, or pair, at a time; the output layer at labels in three products, or for SimPO everywhere in two."""
    layers, head = _weights(job)
    padded = sum(_padded([row]) for row in batch)
    labels = sum(len(answer) for row in batch for answer in row.answers)
    return 2 * padded * layers + (2 * padded if job.task == "simpo" else 3 * labels) * head


def _padded(batch: list[Row]) -> int:
    lengths = [len(row.prompt) + len(answer) for row in batch for answer in row.answers]
    return len(lengths) * max(lengths)
