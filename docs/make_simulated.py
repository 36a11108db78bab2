"""Writes what the simulator says into README.md and `docs/simulator.md` (under `$ chunkc simulate`), and the pictures.

Run it as `python docs/make_simulated.py` after a change, and after constants were fitted again; tests compare. A block that ends
in `…` shows the first table alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from click.testing import CliRunner

from chunkc import api
from chunkc.cli import group
from chunkc.simulator.html import residency
from chunkc.simulator.html.markup import Content, Markup, element
from chunkc.simulator.report import Comparison, Report
from chunkc.simulator.words import faster, pays, seconds

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "simulator.md")
PICTURE = ROOT / "docs" / "pictures" / "mixtral.svg"
RESIDENCY = ROOT / "docs" / "pictures" / "residency.svg"
TARGETS = ("h200", "cpu-generic", "edge-npu-32x32")
DIMS = {"B": 1, "T": 512}

PARTS: Mapping[str, tuple[str, str]] = {
    "experts": ("#2a6fcb", "expert"),
    "attention and norms": ("#1c9a6c", "self_attention attention_norm expert_norm"),
    "routing": ("#c9820a", "select dispatch combine"),
    "the rest": ("#8c8c86", "compute"),
}
"""By name of a part its colour, and which parts of a comparison it holds."""
WIDTH, LEFT, BAR, GAP = 900, 136, 20, 62


def page(text: str) -> str:
    """A page with what its simulations print written again."""
    return re.sub(r"^```console\n\$ chunkc (simulate .*)\n((?:.*\n)*?)```$", printed, text, flags=re.MULTILINE)


def printed(match: re.Match[str]) -> str:
    command, before = match[1], match[2]
    (specs := Path("specs")).exists() or specs.symlink_to(ROOT / "specs")
    result = CliRunner().invoke(group, shlex.split(command))
    assert result.exit_code == 0, result.output
    tables = result.stdout.strip().split("\n\n")
    shown = [aligned(table) for table in (tables[:1] if before.endswith("…\n") else tables)]
    end = "\n…" if before.endswith("…\n") else ""
    return f"```console\n$ chunkc {command}\n" + "\n\n".join(shown) + end + "\n```"


def aligned(table: str) -> str:
    """Lines of tab-separated values in columns."""
    rows = [line.split("\t") for line in table.split("\n")]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(wide) for cell, wide in zip(row, widths)).rstrip() for row in rows)


def picture() -> str:
    """Where the time of a Mixtral layer goes on some targets, computing everything and what is kept."""
    graph = api.load(ROOT / "specs" / "mixtral.cc")
    reports = []
    for target in TARGETS:
        planned = api.optimize(graph, api.for_target(None, target, DIMS, dtype="bf16"))
        reports.append(api.simulate(planned, target, dims=DIMS, dtype="bf16", routes="zipf(1.2)", inputs=20, compare="dense"))
    height = 74 + GAP * len(reports)
    drawn: list[Content] = [
        element("rect", width=WIDTH, height=height, fill="#ffffff"),
        element("text", title(reports[0]), x=14, y=24, font_size=15, font_weight="600"),
        *legend(),
    ]
    for place, report in enumerate(reports):
        drawn += bars(report, 70 + GAP * place)
    whole = element("g", *drawn, font_family="system-ui, sans-serif", font_size=12.5, fill="#1c1c1a")
    size = {"viewBox": f"0 0 {WIDTH} {height}", "width": WIDTH, "height": height}
    return element("svg", whole, xmlns="http://www.w3.org/2000/svg", **size) + "\n"


def title(report: Report) -> str:
    return f"A layer of Mixtral on {DIMS['T']} tokens in bf16, {report.routes}: all 8 experts, and the 2 that are kept"


def legend() -> list[Content]:
    found: list[Content] = []
    x = 14.0
    for name, (colour, _) in PARTS.items():
        found += [element("rect", x=x, y=38, width=11, height=11, rx=3, fill=colour), element("text", name, x=x + 17, y=48)]
        x += 46 + 6.6 * len(name)
    return found


def bars(report: Report, y: int) -> list[Content]:
    """Two bars of a target, the longer as wide as there is room."""
    dense = report.dense
    assert dense is not None
    scale = (WIDTH - LEFT - 258) / max(report.seconds, dense.seconds)
    word = "as fast" if pays(dense.ratio) == "alike" else faster(dense.ratio)
    return [
        element("text", report.target, x=14, y=y + BAR + 5, font_weight="600"),
        *bar([(name, spent(dense, names, True)) for name, (_, names) in PARTS.items()], y, scale,
             f"all: {seconds(dense.seconds)}"),
        *bar([(name, spent(dense, names, False)) for name, (_, names) in PARTS.items()], y + BAR + 3, scale,
             f"kept: {seconds(report.seconds)}, {word}"),
    ]  # fmt: skip


def spent(dense: Comparison, names: str, everything: bool) -> float:
    """Seconds of the parts of these names."""
    mine = [one for one in dense.parts if one.label in names.split()]
    return sum(one.dense if everything else one.conditional for one in mine)


def bar(parts: Sequence[tuple[str, float]], y: int, scale: float, text: str) -> list[Markup]:
    x, found = float(LEFT), []
    for name, value in parts:
        found.append(element("rect", x=x, y=y, width=value * scale, height=BAR, fill=PARTS[name][0]))
        x += value * scale
    return [*found, element("text", text, x=x + 8, y=y + BAR - 6)]


def residency_picture() -> str:
    """What of `active_layers.cc` is in memory when, in one call on a CPU: the picture of `chunkc simulate --html`, by itself."""
    graph = api.optimize(api.load(ROOT / "specs" / "active_layers.cc", layers=16))
    routes = {f"live.{i}": 0.05 if i % 3 == 1 else 0.95 for i in range(16)}
    report = api.simulate(graph, "cpu-generic", dims={"B": 1, "T": 512}, inputs=20, routes=routes)
    drawn = residency.of_course(report)
    top, height = 62, int(re.findall(r'viewBox="0 0 1100 (\d+)"', drawn)[0])
    colours = dict(
        re.findall(r"--(\w+): (#\w+);", (Path(residency.__file__).parent / "style.css").read_text(encoding="utf-8"))[::-1]
    )
    marks, x = list[Content](), 14.0
    for kind, said in residency.LEGEND.items():
        marks += [element("rect", x=x, y=38, width=11, height=11, rx=3, class_=kind), element("text", said, x=x + 17, y=48)]
        x += 46 + 6.6 * len(said)
    rules = "".join(f".{kind} {{ fill: {colours[kind]}; }} " for kind in residency.LEGEND)
    rules += f"text {{ font: 12px system-ui, sans-serif; fill: {colours['ink']}; }} .soft {{ fill: {colours['soft']}; }} "
    rules += f".grid {{ stroke: {colours['line']}; }} .room {{ stroke: {colours['load']}; stroke-dasharray: 5 4; }}"
    said = f"A call of active_layers.cc, 16 layers on 512 tokens, simulated on {report.target}: {seconds(report.course.total)}"
    whole = element(
        "svg",
        element("style", Markup(rules)),
        element("rect", width=1100, height=height + top + 8, fill="#ffffff"),
        element("text", said, x=14, y=24, style="font-size: 15px; font-weight: 600"),
        *marks,
        Markup(drawn.replace("<svg ", f'<svg x="14" y="{top}" width="1072" height="{height}" ', 1)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 1100 {height + top + 8}",
        width=1100,
        height=height + top + 8,
    )
    return whole + "\n"


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    RESIDENCY.write_text(residency_picture(), encoding="utf-8")
