"""docs/foreign.md: its example runs."""

import re


def test_the_example_runs(root, tmp_path, monkeypatch):
    page = (root / "docs" / "foreign.md").read_text(encoding="utf-8")
    (spec,) = re.findall(r"```\n(model m .*?)```", page, re.DOTALL)
    (tmp_path / "m.cc").write_text(spec)
    monkeypatch.chdir(tmp_path)
    names = {}
    for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(text, "docs/foreign.md", "exec"), names)
