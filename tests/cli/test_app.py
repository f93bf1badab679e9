"""The command line as a whole: its verbs, and how light it is."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from zhiyin import __version__
from zhiyin.cli.app import app

Call = Callable[..., Any]
VERBS = ["run", "explain", "evaluate", "report", "show", "ls", "chat", "doctor"]
HEAVY = ("torch", "transformers", "ray", "peft", "numpy", "polars", "pydantic", "ruamel", "rich", "msgspec")


def test_verbs() -> None:
    assert [command.callback.__name__ for command in app.registered_commands if command.callback] == VERBS


def test_help(zhiyin: Call) -> None:
    shown = zhiyin("--help")
    assert shown.exit_code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in shown.output
        assert zhiyin(verb, "--help").exit_code == 0
    assert zhiyin("--version").output == f"zhiyin {__version__}\n"
    assert zhiyin("rum").exit_code == 2


def test_help_is_light_and_fast() -> None:
    code = (
        "import sys; from zhiyin.cli.app import app\n"
        "try: app(['--help'])\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        before = os.times()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        after = os.times()
        # Processor time: the other tests of a parallel run do not make it longer.
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert done.stderr.strip() == "[]"
        assert "doctor" in done.stdout
    assert min(seconds) < 0.3
