"""`--help`, usage errors and `--lang`: which language is spoken, and how a text is laid in columns."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from zhiyin.cli import manual
from zhiyin.cli.columns import padded, width, wrapped

Call = Callable[..., Any]
RUN = [sys.executable, "-c", "from zhiyin.cli.app import main; main()"]


@pytest.mark.parametrize("arguments", [("--lang", "zh", "--help"), ("--help", "--lang=zh"), ("--lang=zh",)])
def test_lang_stands_anywhere(zhiyin: Call, arguments: tuple[str, ...]) -> None:
    shown = zhiyin(*arguments)
    assert shown.exit_code == 0
    assert shown.output.startswith("用法：zhiyin [选项] 命令 [参数]...\n\n  一份配方")
    assert "\n  --lang en|zh  所有文字的语言。\n" in shown.output
    assert os.environ["LANGUAGE"] == "zh"


@pytest.mark.parametrize(
    "arguments", [("--lang", "zh", "ls", "mix"), ("ls", "mix", "--lang", "zh"), ("ls", "--lang=zh", "mix")]
)
def test_lang_stands_before_or_after_the_verb(zhiyin: Call, arguments: tuple[str, ...]) -> None:
    assert zhiyin(*arguments).output.startswith("data/mix  按比例、按类别或随机地从多个数据集中抽取")


@pytest.mark.parametrize(
    ("environment", "arguments", "begins"),
    [
        ({"LANG": "zh_CN.UTF-8"}, ("--help",), "用法："),
        ({"LANGUAGE": "zh_TW", "LANG": "C"}, ("--help",), "用法："),
        ({"LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, ("--help",), "Usage: "),
        ({"LANG": "de_DE.UTF-8"}, ("--help",), "Usage: "),
        ({"LANG": "zh_CN.UTF-8"}, ("--help", "--lang", "en"), "Usage: "),
        ({"LANG": "en_US.UTF-8"}, ("--lang", "zh"), "用法："),
    ],
)
def test_lang_goes_before_the_locale(
    child_environment: dict[str, str], environment: dict[str, str], arguments: tuple[str, ...], begins: str
) -> None:
    kept = {
        name: value
        for name, value in child_environment.items()
        if name not in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    }
    done = subprocess.run(
        [*RUN, *arguments], env={**kept, "PYTHONUTF8": "1", **environment}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(begins)


@pytest.mark.parametrize("arguments", [("--lang", "fr"), ("ls", "--lang=fr"), ("--lang", "fr", "--help")])
def test_an_unknown_language_is_refused_with_the_list(zhiyin: Call, arguments: tuple[str, ...]) -> None:
    refused = zhiyin(*arguments)
    assert refused.exit_code == 2
    assert refused.output == "Error: Invalid value for '--lang': no language is called 'fr'; there are en, zh\n"


def test_an_unknown_language_is_refused_in_the_readers(zhiyin: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    assert zhiyin("ls", "--lang").output == "错误：'--lang' 的值无效：没有名为 '' 的语言；可选 en, zh\n"


def test_what_follows_two_dashes_is_no_option() -> None:
    assert manual.speak(["chat", "--", "--lang", "zh"]) == ["chat", "--", "--lang", "zh"]
    assert manual.speak(["a", "--lang", "zh", "b", "--lang=en"]) == ["a", "b"]
    assert os.environ["LANGUAGE"] == "en"


def test_without_arguments_help_is_shown(zhiyin: Call) -> None:
    assert zhiyin().output == zhiyin("--help").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rum",), "没有 'rum' 命令。是否想输入 'run'？"),
        (("xyz",), "没有 'xyz' 命令。"),
        (("--vrsion",), "没有选项 --vrsion（相近的选项：--version）"),
        (("ls", "-x"), "没有选项 -x"),
        (("run",), "缺少参数“配方”。"),
        (("run", "r.yaml", "--workers", "0"), "'--workers' 的值无效：应不小于 1"),
        (("run", "r.yaml", "--workers", "two"), "'--workers' 的值无效：应为整数"),
        (("chat", "m", "--temperature", "hot"), "'--temperature' 的值无效：应为数值"),
        (("show", "a", "b"), "多余的参数（b）"),
    ],
)
def test_usage_errors_in_chinese(zhiyin: Call, arguments: tuple[str, ...], said: str) -> None:
    refused = zhiyin(*arguments, "--lang", "zh")
    assert refused.exit_code == 2
    usage, hint, _, error = refused.output.splitlines()
    assert usage.startswith("用法：zhiyin ")
    assert hint.startswith("输入 'zhiyin")
    assert error == f"错误：{said}"


def test_usage_errors_in_english(zhiyin: Call) -> None:
    assert zhiyin("run", "--wrkers", "2").output == (
        "Usage: zhiyin run [OPTIONS] {RECIPE} [KEY=VALUE]...\nTry 'zhiyin run --help' for help.\n\n"
        "Error: No such option: --wrkers (Possible options: --workers)\n"
    )


def test_help_of_a_verb(zhiyin: Call) -> None:
    lines = zhiyin("run", "--help").output.splitlines()
    assert lines[0] == "Usage: zhiyin run [OPTIONS] {RECIPE} [KEY=VALUE]..."
    assert "  RECIPE     The recipe, a YAML file. [required]" in lines
    assert "  --workers N             Processes for data work. [default: 1] [x>=1]" in lines
    assert "  --lang en|zh            The language of everything that is said." in lines


def test_chinese_takes_two_columns() -> None:
    assert [width(text) for text in ("ab", "知音", "知a", "，", "é")] == [2, 4, 3, 2, 1]
    assert padded("知音", 6) + "|" == "知音  |"
    assert padded("four", 2) == "four"


def test_text_is_wrapped_by_columns() -> None:
    assert wrapped("one two  three", 8) == ["one two", "three"]
    assert wrapped("知音难觅", 6) == ["知音难", "觅"]
    assert wrapped("unbreakable 知音", 4) == ["unbreakable", "知音"]
    assert wrapped("", 4) == [""]
    text = "模型文件夹，或 `zhiyin show` 能识别的产物（链接、标签）；名称开头。" * 3
    for columns in range(10, 60):
        lines = wrapped(text, columns)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(width(line) <= max(columns, len("`zhiyin") + 2) for line in lines)
        assert not [line for line in lines if line[0] in "，。；：）、" or line[-1] == "（"]
