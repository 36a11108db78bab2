"""docs/tutorial.md: its spec is formatted, and its blocks run one after the other and print what it shows."""

import re

from consoles import assert_page

from chunkc.grammar.format import format_source


def test_the_tutorial_runs(root, monkeypatch, tmp_path):
    page = (root / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (spec,) = re.findall(r"^```cc\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert format_source(spec, "small.cc") == spec
    (tmp_path / "small.cc").write_text(spec, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    assert_page(page, "docs/tutorial.md", 6)
    assert "Chunks in memory" in (tmp_path / "small.html").read_text(encoding="utf-8")
