"""docs/handles.md: its examples run one after the other, and print what it shows; the table of handles is what can be read."""

import re
from pathlib import Path

from consoles import assert_page

from chunkc.compiler.loading.handles import parse_handle

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "handles.md").read_text(encoding="utf-8")


def test_the_examples_do_what_the_page_says(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    assert_page(PAGE, "docs/handles.md", 3)


def test_the_handles_of_the_table_can_be_read():
    rows = re.findall(r"^\| (`[^|]*`) [^|]*\|", PAGE, re.MULTILINE)
    handles = [text for row in rows for text in re.findall(r"`([^`]+)`", row) if "…" not in text and not text.endswith(".py")]
    assert len(handles) >= 6
    for text in handles:
        assert parse_handle(text).text == text
