"""Take the pictures of the README from the demo's report: `make screenshots`."""

import io
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from zhiyin.artifacts import Verdict
from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.execution.runtime import Runtime
from zhiyin.locale.words import Language
from zhiyin.report.evidence import address
from zhiyin.report.page import Config, page

HERE = Path(__file__).parent
DEMO = HERE.parent / "runs" / "tiny"
COLOURS = (256, 128, 64)
"""Sizes of the palette, tried until the picture is small enough."""
MOST_BYTES = 300_000
"""Of one picture; a README is read over slow lines too."""


@dataclass(frozen=True)
class Shot:
    """A picture: which part of which page, in CSS pixels, and in which colours."""

    name: str
    language: Language = "en"
    scheme: Literal["light", "dark"] = "light"
    width: int = 1250
    height: int = 920
    scale: float = 1.28
    """Pixels of the picture to one CSS pixel: 1250 become 1600."""
    section: str = ""
    """Id of the section at the top of the picture; empty for the head of the page."""
    items: bool = False
    """Of the page of items: what rose from before to after in the first comparison."""


SHOTS = (
    Shot("report"),
    Shot("report-dark", scheme="dark", section="comparisons"),
    Shot("report-phone", width=400, height=1180, scale=2),
    Shot("report-zh", language="zh", height=1180),
    Shot("lineage", section="lineage", width=1600, height=860, scale=1),
    Shot("items", items=True),
)


def main() -> None:
    """Write the demo's report anew in both languages, and take every picture."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    found = sorted(DEMO.glob("*-page"))
    if program is None or not found:
        raise SystemExit("Run `make screenshots`: it needs Chromium and the demo's report in runs/tiny.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for language in ("en", "zh"):
            write(Artifact(found[-1].resolve()), language, Path(folder) / language)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for shot in SHOTS:
            file = HERE / f"{shot.name}.png"
            file.write_bytes(small(take(browser, shot, Path(folder))))
            sys.stdout.write(f"{file.relative_to(HERE.parent)}: {file.stat().st_size // 1000} kB\n")
        browser.close()


def write(report: Artifact, language: Language, out: Path) -> None:
    """Write a report again in some language, from the artifacts it was made of."""
    manifest, store = report.manifest, report.path.parent
    hints = get_type_hints(page)
    inputs: dict[str, dict[str, Any]] = {}
    for name, folder in manifest.inputs.items():
        kind, _, label = name.partition(".")
        inputs.setdefault(kind, {})[label] = opened(store / folder, hints[kind])
    out.mkdir()
    page(Config.model_validate({**settings(manifest), "language": language}), out=out, runtime=Runtime(), **inputs)


def opened(folder: Path, hint: Any) -> Artifact:
    """Open a folder as the first kind of artifact that an input takes."""
    kind = get_args(hint)[1]
    first: type[Artifact] = (get_args(kind) or (kind,))[0]
    return first(folder)


def settings(manifest: Manifest) -> Mapping[str, Any]:
    """Return the recorded settings of a page, without what only its version says."""
    return {name: value for name, value in manifest.config.items() if name in Config.model_fields}


def take(browser: Browser, shot: Shot, pages: Path) -> bytes:
    """Return a picture as PNG."""
    size = ViewportSize(width=shot.width, height=shot.height)
    window = browser.new_context(viewport=size, color_scheme=shot.scheme, device_scale_factor=shot.scale)
    tab = window.new_page()
    folder = pages / shot.language
    tab.goto(f"{folder.as_uri()}/{flips() if shot.items else 'page.html'}")
    if shot.items:
        tab.wait_for_selector("body[data-ready]")
    if shot.section:
        tab.evaluate("(id) => scrollTo(0, document.getElementById(id).getBoundingClientRect().top - 40)", shot.section)
    if shot.section == "lineage":
        tab.locator("[data-zoom=fit]").click()
        tab.locator(".node").filter(has_text="sft_merged").hover()
    return tab.screenshot()


def flips() -> str:
    """Return the address of the items that rose in the first comparison of generated answers, or of any."""
    folders = sorted(DEMO.glob("*beats*generate")) or sorted(DEMO.glob("*beats*"))
    verdict = Verdict(folders[0].resolve())
    before, after = (verdict.manifest.inputs[side] for side in ("before", "after"))
    prompts = Manifest.read(verdict.path.parent / after).inputs["prompts"]
    return address(prompts, before=before, answers=after, measure="accuracy", show="rose")


def small(picture: bytes, most: int = MOST_BYTES) -> bytes:
    """Return a picture with a palette that holds its rare colours too, small enough for a README."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        out = io.BytesIO()
        reduced = image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        reduced.save(out, "PNG", optimize=True)
        if out.tell() <= most:
            return out.getvalue()
    raise ValueError(f"{image.width} x {image.height} pixels do not fit into {most} bytes")


if __name__ == "__main__":
    main()
