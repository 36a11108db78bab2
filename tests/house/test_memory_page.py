"""docs/memory.md: its examples run one after the other, and print what it shows."""

import shutil

from consoles import assert_page


def test_the_examples_do_what_the_page_says(root, monkeypatch, tmp_path):
    shutil.copytree(root / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    page = (root / "docs" / "memory.md").read_text(encoding="utf-8")
    assert_page(page, "docs/memory.md", 4)
