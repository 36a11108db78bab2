"""Pages of reports: well formed, asking for nothing from elsewhere, all names escaped, and what they should show."""

import re
from html.parser import HTMLParser
from pathlib import Path

import attrs
import numpy as np
import pytest

import chunkc
from chunkc.simulator.html import page
from chunkc.simulator.html.markup import VOID, Markup, element, joined

SPECS = Path(chunkc.__file__).parent / "specs"
DIMS = {"B": 2, "T": 16}


@pytest.fixture(scope="module")
def reports():
    told = {"dims": DIMS, "routes": "zipf(1.2)", "inputs": 3, "compare": "dense", "d": 64}
    return [chunkc.simulate(SPECS / "moe.cc", target, **told) for target in ("h200", "edge-npu-32x32")]


class Reader(HTMLParser):
    """Which elements a page holds, its text, and whether each that is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.found, self.text, self.urls = [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.urls += [value for name, value in attributes if name in ("src", "href", "action", "data", "poster", "srcset")]
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.opened):
            self.text += data


def test_a_page_is_well_formed_and_asks_for_nothing(reports):
    text = page(reports, ["plan of the first", "plan of the second"])
    read = Reader(text)
    assert not read.opened and text.startswith("<!doctype html>")
    assert all(url.startswith("#") for url in read.urls)
    assert not re.search(r"https?:|//\w|@import|url\(|<link|<iframe|<img", text)


def test_it_shows_what_was_asked_for(reports):
    read = Reader(page(reports, ["plan of the first", "plan of the second"]))
    cards = ("What bounds it", "Timeline", "Where the time goes", "Roofline", "How rows fall", "Steps", "Plan")
    assert all(words in read.text for words in ("it pays", *cards, "plan of the second"))
    pictures = [attributes["aria-label"] for tag, attributes in read.found if tag == "svg" and "aria-label" in attributes]
    assert [name for name in pictures if name != "latency"] == ["timeline", "roofline"] * 2
    tips = [attributes["data-tip"] for _, attributes in read.found if "data-tip" in attributes]
    assert any(tip.startswith("expert.7\n") for tip in tips) and any("of the roofline" in tip for tip in tips)
    dots = [attributes for tag, attributes in read.found if tag == "circle"]
    assert dots and all(0 < float(dot["cx"]) < 1100 and 0 < float(dot["cy"]) < 430 for dot in dots)


def test_inputs_that_take_unlike_long_are_a_histogram(reports):
    one = reports[0]
    assert 'aria-label="latency"' in page([attrs.evolve(one, samples=np.array([1e-3, 2e-3, 2e-3]))], [""])
    assert 'aria-label="latency"' not in page([attrs.evolve(one, samples=np.array([1e-3, 1e-3, 1e-3]))], [""])


def test_names_are_escaped(reports):
    evil = "<script>alert('1')</script>\"&"
    one = reports[0]
    steps = tuple(attrs.evolve(step, label=evil, path=f"{evil}.") for step in one.steps)
    ways = tuple(attrs.evolve(way, way=f"{evil}.{place}", path=evil) for place, way in enumerate(one.ways))
    bad = attrs.evolve(one, model=evil, target=evil, routes=evil, dims={evil: 1}, steps=steps, ways=ways)
    for shown in ([bad], [bad, bad]):
        text = page(shown, [evil] * len(shown))
        assert "<script>alert" not in text and text.count("<script>") == 1
        read = Reader(text)
        assert evil in read.text and not read.opened


def test_single_inputs_and_no_comparison_make_a_page_too():
    for spec, dims in (("active_layers", DIMS), ("vit", {"B": 1}), ("gpt", {"B": 1, "T": 8}), ("digits", {"B": 4})):
        report = chunkc.simulate(SPECS / f"{spec}.cc", "cpu-generic", dims=dims)
        assert not Reader(page([report], [""])).opened


def test_chunks_in_memory_have_a_row_each_and_fit_into_the_budget():
    report = chunkc.simulate(SPECS / "active_layers.cc", "h200", dims=DIMS, inputs=5, d=64)
    stays, course = report.course.stays, report.course
    loaded = sorted((one.chunk, one.begin, one.end) for one in course.copies)
    assert loaded == sorted((one.chunk, one.begin, one.there) for one in stays if one.there)
    for moment in {one.begin for one in stays}:
        together = sum(one.bytes for one in stays if one.begin <= moment < one.end)
        assert together <= report.loads.room * (1 + 1e-9)
        assert len({one.chunk for one in stays if one.begin <= moment < one.end}) * stays[0].bytes == pytest.approx(together)
    read = Reader(page([report], [""]))
    assert "Chunks in memory" in read.text and {one.chunk for one in stays} <= set(re.findall(r"block\.\d+", read.text))
    tips = [attributes["data-tip"] for _, attributes in read.found if "data-tip" in attributes]
    assert any(re.match(r"block\.\d+, 133 kB\nloaded in", tip) for tip in tips)
    assert "Chunks in memory" not in page([chunkc.simulate(SPECS / "moe.cc", "h200", dims=DIMS, d=64)], [""])


def test_elements_escape_text_but_not_each_other():
    inner = element("b", "a < b")
    assert inner == "<b>a &lt; b</b>" and isinstance(inner, Markup)
    assert element("td", inner, 1.5, None, class_="n", data_tip='"') == '<td class="n" data-tip="&quot;"><b>a &lt; b</b>1.5</td>'
    assert element("rect", x=1.0, y=None) == '<rect x="1"/>' and joined("&", Markup("<br/>")) == "&amp;<br/>"
