"""`zhiyin chat`: turns, commands, piped questions, and models that are not there."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zhiyin.inference.chat import ChatSession
from zhiyin.records.conversation import Message

Call = Callable[..., Any]
OPENED: list[dict[str, Any]] = []


class Echo:
    """Stands in for a session: it answers with what it was asked, and how many messages came before."""

    last = None

    def __init__(self, system: str) -> None:
        self.messages = [Message("system", system)] if system else []

    def reply(self, text: str) -> Iterator[str]:
        """Answer in two pieces."""
        yield f"{len(self.messages)}:"
        if text == "stop":
            raise KeyboardInterrupt
        yield text
        self.messages += [Message("user", text), Message("assistant", text)]


@pytest.fixture(autouse=True)
def session(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(model: Path, **options: Any) -> Echo:
        OPENED.append({"model": model, **options})
        return Echo(options["system"])

    OPENED.clear()
    monkeypatch.setattr(ChatSession, "open", opened)
    Path("model").mkdir()


def test_piped(zhiyin: Call) -> None:
    done = zhiyin("chat", "model", "--max-new-tokens", "7", "--temperature", "0.5", input="你好\n\n再见\n")
    assert done.exit_code == 0
    assert done.output == "> 你好\n0:你好\n> 再见\n2:再见\n"
    [opened] = OPENED
    assert opened["model"] == Path("model").resolve()
    assert (opened["sampling"].max_new_tokens, opened["sampling"].temperature) == (7, 0.5)


def test_clear_keeps_the_system_prompt(zhiyin: Call) -> None:
    done = zhiyin("chat", "model", "--system", "简短。", input="a\n/clear\nb\n/nonsense\n/exit\nc\n")
    assert done.output.splitlines() == [
        "> a",
        "1:a",
        "> /clear",
        "(a new conversation)",
        "> b",
        "1:b",
        "> /nonsense",
        "(/nonsense is not known here; there are /clear and /exit)",
        "> /exit",
    ]


def test_an_answer_broken_off_keeps_the_conversation(zhiyin: Call) -> None:
    done = zhiyin("chat", "model", input="stop\ngo\n")
    assert done.exit_code == 0
    assert done.output == "> stop\n0: (broken off)\n> go\n0:go\n"


def test_typed(zhiyin: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from zhiyin.cli import chat

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = iter(["你好", ""])

    def ask(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", ask)
    chat.chat("model")
    assert capsys.readouterr().out == "0:你好\n\n"


def test_label(zhiyin: Call) -> None:
    zhiyin("run", "little.yaml", "--until", "sft")
    assert zhiyin("chat", "sft", input="a\n").exit_code == 0
    assert OPENED[0]["model"] == next(Path("store").glob("train-*")).resolve()


def test_unknown_model(zhiyin: Call) -> None:
    refused = zhiyin("chat", "modle", input="")
    assert refused.exit_code == 2
    assert "no artifact, link or folder is called 'modle'" in refused.output


def test_a_folder_that_is_no_model(zhiyin: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: Path, **options: Any) -> Echo:
        raise ValueError("it has no template.json")

    monkeypatch.setattr(ChatSession, "open", refuse)
    failed = zhiyin("chat", "model", input="a\n")
    assert failed.exit_code == 1
    assert "cannot be talked to: it has no template.json" in failed.output


@pytest.mark.slow
def test_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with random weights, made by the real rooms, says something and ends."""
    import subprocess
    import sys

    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(
        "title: t\ndata:\n"
        "  prose: {name: collect, source: {name: generated_prose, count: 200}}\n"
        "training:\n  words: {name: tokenizer, texts: [prose], vocab_size: 600, template: gemma2}\n"
        "weights:\n  seedling: {name: tiny, tokenizer: words}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", "from zhiyin.cli.app import main; main()"]
    subprocess.run([*command, "run", "r.yaml"], check=True, capture_output=True, timeout=120)
    done = subprocess.run(
        [*command, "chat", "seedling", "--max-new-tokens", "5"],
        input="你好\n再见\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith("> 你好\n")
    assert "\n> 再见\n" in done.stdout


def test_in_chinese(zhiyin: Call) -> None:
    done = zhiyin("chat", "model", "--lang", "zh", input="/clear\n/nonsense\nstop\n")
    assert done.output == (
        "> /clear\n（新对话）\n> /nonsense\n（没有 /nonsense 这个命令；可用 /clear 与 /exit）\n> stop\n0: （已中断）\n"
    )
