"""Our side: the steps of a recipe, one after the other, on folders."""

from pathlib import Path

from bench.sides import data_work
from bench.sides.data_work import LABEL, LONGEST, SEED, SHORTEST, Report, Work


def side(work: Work, report: Report) -> None:
    """Collect, clean, deduplicate, decontaminate, mix, and write a table."""
    from zhiyin.artifacts import RECORDS, PromptSet, Table
    from zhiyin.data import clean, collect, decontaminate, deduplicate, mix, to_parquet
    from zhiyin.data.filters.length import Length
    from zhiyin.data.sources.alpaca_json import AlpacaJson
    from zhiyin.execution.runtime import Runtime

    out, runtime = Path(work.out), Runtime(workers=work.workers)
    prompts = {folder.name: PromptSet(folder) for folder in sorted(Path(work.prompts).iterdir())}
    source = AlpacaJson.model_validate({"files": (work.corpus,), "label": LABEL})
    report.flags = f"workers={work.workers}"
    report.versions = data_work.versions("numpy", "polars", "xxhash", "msgspec")
    length = Length(min_characters=SHORTEST, max_characters=LONGEST)
    with report.stage("collect"):
        found = collect.collect(collect.Config(source=source), out=out / "collect", runtime=runtime)
    with report.stage("clean"):
        tidy = clean.clean(clean.Config(filters=(length,)), out=out / "clean", runtime=runtime, records=found)
    with report.stage("deduplicate"):
        single = deduplicate.deduplicate(deduplicate.Config(), out=out / "deduplicate", runtime=runtime, records=tidy)
    with report.stage("decontaminate"):
        pure = decontaminate.decontaminate(
            decontaminate.Config(), out=out / "decontaminate", runtime=runtime, records=single, prompts=prompts
        )
    with report.stage("mix"):
        settings = mix.Config(ratios={LABEL: 1.0}, total=work.wanted, seed=SEED)
        mixed = mix.mix(settings, out=out / "mix", runtime=runtime, sources={LABEL: pure})
    with report.stage("parquet"):
        packed = to_parquet.Config(compression="snappy")  # as every side's
        table = to_parquet.to_parquet(packed, out=out / "table", runtime=runtime, records=mixed)
    steps = {"collect": found, "clean": tidy, "deduplicate": single, "decontaminate": pure, "mix": mixed}
    report.rows = {name: made.summary["records"] for name, made in steps.items()}
    report.table = str(table.path / Table.file)
    report.before_mix = str(pure.path / RECORDS)


if __name__ == "__main__":
    data_work.run(side)
