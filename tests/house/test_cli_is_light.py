"""The command line answers at once: nothing heavy is loaded until a verb needs it."""

import json
import subprocess
import sys
import time

import pytest

VERBS = ["run", "explain", "evaluate", "report", "show", "ls", "chat", "doctor"]
HEAVY = {
    *("torch", "transformers", "peft", "accelerate", "safetensors", "ray", "datasets", "huggingface_hub", "tokenizers"),
    *("numpy", "pandas", "polars", "scipy", "statsmodels", "matplotlib", "jinja2", "requests", "httpx"),
}
SECONDS = 0.3
HELP = "import sys; sys.argv = ['zhiyin', '--help']; from zhiyin.cli.app import main; main()"


def output(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def seconds(code: str, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    output(code, environment)
    return time.perf_counter() - began


@pytest.mark.parametrize("code", ["import zhiyin.cli.app", HELP], ids=["import", "help"])
def test_nothing_heavy_is_loaded(code: str, child_environment: dict[str, str]) -> None:
    report = "print('LOADED', __import__('json').dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    text = output(f"import sys, atexit; atexit.register(lambda: {report}); {code}", child_environment)
    loaded = set(json.loads(text.rpartition("LOADED ")[2]))
    assert {"zhiyin", "typer"} <= loaded
    assert loaded & HEAVY == set()


def test_help_takes_less_than_0_3_seconds_over_a_bare_interpreter(child_environment: dict[str, str]) -> None:
    pairs = [(seconds("pass", child_environment), seconds(HELP, child_environment)) for _ in range(5)]
    bare, helped = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    assert helped - bare < SECONDS


def test_the_verbs_are_these(child_environment: dict[str, str]) -> None:
    """A new verb is a promise to its users: it is added here on purpose."""
    from typer.main import get_command

    from zhiyin.cli.app import app

    command = get_command(app)
    assert list(getattr(command, "commands", {})) == VERBS
    text = output(HELP, child_environment)
    assert [verb for verb in VERBS if f" {verb} " not in text.replace("\n", " ")] == []
