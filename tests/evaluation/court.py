"""A server that is five systems and their judge, and a recipe that has the one judge the others."""

import json
import re
from hashlib import sha256
from pathlib import Path

from tests.inference.unruly import Body, Unruly, asked, said

from zhiyin.evaluation.benchmarks.judged_tasks import FILES

SYSTEMS = ("D13b-1-3-1", "D13b-2-2-2", "D13b-2-3", "D7b-4-1", "ChatGPT")
JUDGE = "judge-2023"
CONCURRENCY = 6
FORMS = (
    "System{place} 分数：{score}；System{place} 解释：有{score}处可取，不如System1。",
    "System {place}: {score}/10 because it mentions 3 facts",
    "| System{place} | 说了2点 | **{score}** |",
    "### 系统{place}\n得分：{score}分\n解释：尚可",
)
STRANGE = ("", "Désolé, je ne peux pas évaluer ces réponses.")


def quality(system: str, question: str) -> float:
    """Return what an answer is worth: known to the server, and to the test."""
    return int(sha256(f"{system}/{question}".encode()).hexdigest(), 16) % 21 / 2


def strange(question: str) -> str | None:
    """Return what the judge says instead of scores about some questions."""
    turn = int(sha256(question.encode()).hexdigest(), 16) % 16
    return STRANGE[turn] if turn < len(STRANGE) else None


def court(path: str, body: Body) -> Body:
    """Answer as the system that is named, or score what such systems answered."""
    text = asked(body)
    if body["model"] != JUDGE:
        return said(f"这是对“{text}”的回答，价值{quality(body['model'], text):g}")
    question = text.partition("\nPrompt:")[2].partition("。\n答案：\n")[0]
    if (odd := strange(question)) is not None:
        return said(odd)
    found = re.findall(r"^System(\d):.*，价值([\d.]+)。$", text, re.MULTILINE)
    assert [int(place) for place, _ in found] == list(range(1, len(SYSTEMS) + 1))
    form = FORMS[len(question) % len(FORMS)]
    return said("\n".join(form.format(place=place, score=score) for place, score in found))


def troubled(asked: str, before: int) -> str | None:
    """Let every third request go wrong once or twice."""
    turn = int(sha256(asked.encode()).hexdigest(), 16) % 30
    kinds = ("429 after 0.01", "500", "drop", "cut", "html", "no choices", "truncated json", "503", "hang", "no text")
    return kinds[turn] if turn < len(kinds) and before <= turn % 2 else None


def questions(folder: Path) -> dict[str, str]:
    """Write eight files of ten questions; returns text by id."""
    folder.mkdir(parents=True)
    found: dict[str, str] = {}
    for name in FILES:
        texts = [f"{name}的第{number}个问题{'，请详细说明' * (number % 4)}？" for number in range(10)]
        (folder / f"{name}.json").write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
        found |= {f"{name}/{number}": text for number, text in enumerate(texts)}
    return found


def recipe(file: Path, server: Unruly, folder: Path, *, judged: bool = True) -> Path:
    """Write the recipe: tasks, five systems' answers; if `judged`, the judge's prompts and replies, and scores."""
    access = (
        f"{{concurrency: {CONCURRENCY}, timeout: 1.0, backoff: 0.01, attempts: 5, input_price: 1, output_price: 2}}"
    )

    def engine(model: str) -> str:
        return f"{{name: openai, endpoint: '{server.url}', model: {model}, access: {access}}}"

    answers = "\n".join(
        f"  s{place}: {{name: answer, prompts: [tasks], engine: {engine(system)}}}"
        for place, system in enumerate(SYSTEMS)
    )
    systems = ", ".join(f"{system}: s{place}" for place, system in enumerate(SYSTEMS))
    begin = f"""title: A judged comparison
evaluation:
  tasks: {{name: prepare, benchmark: {{name: judged_tasks, folder: '{folder}', own: false}}}}
"""
    middle = f"""  questions: {{name: judge, prompts: tasks, systems: {{{systems}}}}}
  scores: {{name: score, prompts: questions, completions: replies}}
"""
    end = f"""  replies: {{name: answer, prompts: [questions], max_new_tokens: 1024, engine: {engine(JUDGE)}}}
"""
    whole = f"{begin}{middle if judged else ''}inference:\n{answers}\n{end if judged else ''}"
    file.write_text(whole, encoding="utf-8")
    return file
