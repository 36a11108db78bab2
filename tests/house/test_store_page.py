"""docs/store.md: its examples run one after the other, and print what it shows."""

import re
from pathlib import Path

from consoles import assert_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")


def test_the_examples_do_what_the_page_says(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHUNKC_STORE", raising=False)
    (tmp_path / "edges.pt").write_bytes(b"")
    assert_page(PAGE, "docs/store.md", 4)
    shown = re.findall(r"^```toml\n(\[\"models/edges\"\]\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert shown and shown[0] in (tmp_path / "chunkc-store" / "aliases.toml").read_text(encoding="utf-8")


def test_every_subcommand_is_in_the_table():
    from chunkc.cli.store import COMMANDS

    assert set(re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE)) - {"index"} == set(COMMANDS)
