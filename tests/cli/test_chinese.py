"""Every verb in Chinese, from a run to its failure: no English sentence is left."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhiyin.cli import health, packages
from zhiyin.cli.app import app
from zhiyin.cli.catalogue import groups

Call = Callable[..., Any]
VERBS = [command.callback.__name__ for command in app.registered_commands if command.callback]

# Two English words side by side that are no option, path, key or name in quotes or back-ticks.
ENGLISH = re.compile(r"(?<![\w/.\-=<:])[A-Za-z][a-z]+ [a-z]{2,}(?![\w/.\-=(:<])(?! <)")
QUOTED = re.compile(r"`[^`]*`|'[^']*'|（[A-Z][^（）]*）|zhiyin \w+|pip install|\w+ \w+, base -> sft|Hugging Face \w+")


def english(text: str) -> list[str]:
    """Return the lines in which English is spoken."""
    return [line for line in text.splitlines() if ENGLISH.search(QUOTED.sub("", line))]


@pytest.fixture(autouse=True)
def chinese(english: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    monkeypatch.setattr(health, "installed", lambda name: None if name == "torch" else packages.installed(name))


def test_english_is_seen() -> None:
    assert english("  one two")
    assert english("注：the letters 是")
    assert not english("  --store PATH  `zhiyin run` 'no such' sft keeps.x 3 min 20 s")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help(zhiyin: Call, verb: str) -> None:
    shown = zhiyin(*([verb] if verb else []), "--help")
    assert shown.exit_code == 0
    assert english(shown.output) == []
    assert "用法：" in shown.output
    assert "选项：" in shown.output


def test_ls_of_everything(zhiyin: Call) -> None:
    names = {name for group in groups() for name in (group.name, *group.members)}
    assert len(names) >= 60
    found = {name: english(zhiyin("ls", name).output) for name in sorted(names)}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert english(zhiyin("ls").output) == []


def test_ls_of_a_step(zhiyin: Call) -> None:
    lines = zhiyin("ls", "mix").output.splitlines()
    assert lines[1] == "  输入（填步骤的标签）："
    assert "    ratios  映射（文本 → 数），默认 {}" in lines
    assert "    seed  整数，默认 0" in lines
    assert "      换一个种子，抽到的记录与次序都会不同。" in lines


def test_run_from_first_to_last(here: Path, zhiyin: Call) -> None:
    first = zhiyin("run", "little.yaml").output
    assert english(first) == ["A little one (little.yaml)", "注：exam, base, sft: letters are not what it learnt"]
    assert re.search(r"\[ 6/10\] sft           制作中\n\[ 6/10\] sft           完成  0\.\d s\n", first)
    assert "本次完成 10 步；此前已有 0 步。" in first
    assert (
        "exam accuracy, base -> sft：+50.0 个百分点（95 % 区间 +40.0 至 +60.0），p < 0.001，n=500；预期上升：是"
        in first
    )
    assert "15.0 至 35.0" in first
    page = (next(Path("store").glob("page-*")) / "page.html").resolve()
    assert f"报告：{page}" in first
    assert "产物：runs/little/" in first
    assert "无需制作：10 步均已有。" in zhiyin("run", "little.yaml").output


def test_explain(here: Path, zhiyin: Call) -> None:
    assert "从未制作" in zhiyin("explain", "little.yaml").output
    zhiyin("run", "little.yaml")
    shown = zhiyin("explain", "little.yaml", "rate=0.2").output
    assert english(shown) == []
    assert "config.learning_rate: 0.1 -> 0.2" in shown
    assert re.search(r"inputs\.model: train-\w+ -> sft（待做）", shown)
    assert "共 10 步：已有 5 步，待做 5 步。" in shown


def test_show_and_ls_artifacts(here: Path, zhiyin: Call) -> None:
    assert zhiyin("ls", "artifacts").output == "store 中没有产物。\n"
    zhiyin("run", "little.yaml")
    shown = zhiyin("show", "sft").output
    assert shown.startswith("sft  （train，版本 1）")
    assert "\n配置\n" in shown
    assert "\n文件，共 2.0 kB\n" in shown
    assert "完好：1 个文件均与提交时逐字节一致。" in shown
    listed = zhiyin("ls", "artifacts").output
    assert listed.split()[:5] == ["标签", "产物", "完成", "大小", "摘要"]
    assert "共 10 个产物" in listed
    assert english(shown + listed) == []


def test_show_tells_the_sentences_of_a_summary(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    manifest = next(Path("store").glob("score-*")) / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    sentence = "accuracy: one item only, its interval means nothing"
    assert "letters are not what it learnt" in text
    manifest.write_text(text.replace("letters are not what it learnt", sentence), encoding="utf-8")
    shown = zhiyin("show", manifest.parent.name).output
    assert "accuracy：只有一题，其区间没有意义" in shown
    assert english(shown) == []


def test_doctor(here: Path, zhiyin: Call) -> None:
    shown = zhiyin("doctor").output
    assert english(shown) == []
    assert "  设备    未安装 torch，无从得知；可用 pip install 'zhiyin[train]' 安装" in shown
    zhiyin("run", "little.yaml")
    weights = next(Path("store").glob("train-*")) / "weights.bin"
    weights.write_bytes(b"0")
    assert english(zhiyin("doctor").output) == []
    assert (
        f"sft   已损坏：{weights} 有 1 字节，提交时为 2000 字节；请删除 {weights.parent}  <- 必需"
        in zhiyin("doctor").output
    )
    assert "以上有 1 项需要处理。" in zhiyin("doctor").output


def test_recipe_errors(here: Path, zhiyin: Call) -> None:
    Path("little.yaml").write_text(
        "title: t\ndata:\n  a: {name: colect}\n  b: {name: collect, count: many, cuont: 3}\n  c: {}\n  d: [1]\n"
        "training:\n  t: {name: train, model: x}\n",
        encoding="utf-8",
    )
    refused = zhiyin("run", "little.yaml")
    assert refused.exit_code == 2
    assert english(refused.output) == []
    lines = refused.output.splitlines()
    assert lines[0] == (
        "little.yaml:3: data.a.name: data 中没有名为 'colect'（是否指 'collect'？）的步骤；现有 collect"
    )
    assert "little.yaml:4: data.b.count: 应为整数，实为 'many'" in lines
    assert "little.yaml:4: data.b.cuont: 未知的键（是否指 'count'？）；已知的有 count" in lines
    [missing] = [line for line in lines if line.startswith("little.yaml:5: ")]
    assert missing.startswith("little.yaml:5: data.c: 缺少 'name'；请补上：所在分区的包中的文件")
    assert "little.yaml:6: data.d: 应为映射，实为 1 项的列表" in lines
    assert re.fullmatch(r"共 \d 处错误；未运行任何步骤。", lines[-1])
    assert zhiyin("run", "none.yaml").output.startswith("none.yaml: 没有这个配方文件")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sead=1", "命令行：sead=1: 没有名为 'sead' 的变量"),
        ("sft.rate", "应为 key.path=value"),
        ("stf.learning_rate=1", "没有名为 'stf'（是否指 'sft'？）的标签；现有 texts"),
        ("sft.learning_rate=high", "命令行，sft.learning_rate=high：training.sft.learning_rate: 应为数，实为 'high'"),
    ],
)
def test_errors_of_overrides(here: Path, zhiyin: Call, word: str, said: str) -> None:
    refused = zhiyin("run", "little.yaml", word)
    assert refused.exit_code == 2
    assert said in refused.output
    assert english(refused.output) == []


def test_a_step_that_fails(here: Path, zhiyin: Call) -> None:
    failed = zhiyin("run", "little.yaml", "fail=no prompt of a is in the group 'b'")
    assert failed.exit_code == 1
    assert failed.output.splitlines()[-4:] == [
        "sft: a 中没有属于分组 'b' 的提示",
        "已完成 5 步，保存在 store/。",
        "sft 保留最近的检查点。",
        "加 --traceback 可查看出错的代码位置。",
    ]
    module = zhiyin("run", "little.yaml", "fail=module").output
    assert "sft: 缺少模块 'torch'（可用 pip install 'zhiyin[train]' 安装）" in module
    until = zhiyin("run", "little.yaml", "--until", "stf")
    assert until.output.startswith("--until：没有标签为 'stf'（是否指 'sft'？）的步骤；现有 ")


def test_names_that_are_not_there(here: Path, zhiyin: Call) -> None:
    assert zhiyin("show", "sft").output == "没有名为 'sft' 的产物、链接或文件夹；store 中没有产物\n"
    assert zhiyin("ls", "objectivs").output.startswith("没有名为 'objectivs'（是否指 'objectives'？）的分区")
    assert zhiyin("chat", "modle", input="").output.startswith("没有名为 'modle' 的产物")


def test_children_speak_it_too(here: Path, start: Call) -> None:
    out, _ = start("run", "little.yaml", "--lang", "en").communicate(timeout=30)
    assert "Made 10; 0 steps are held from before." in out
    out, _ = start("--lang", "zh", "run", "little.yaml").communicate(timeout=30)
    assert "无需制作：10 步均已有。" in out
