"""docs/memory.md: its examples run one after the other, and print what it shows."""

import re
import shutil

from consoles import assert_prints


def test_the_examples_do_what_the_page_says(root, monkeypatch, tmp_path):
    shutil.copytree(root / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    page = (root / "docs" / "memory.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(python|console)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    for language, text in blocks:
        if language == "python":
            exec(compile(text, "docs/memory.md", "exec"), {})
        else:
            assert_prints(text)
