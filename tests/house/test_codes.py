"""Every diagnostic code that is reported is explained."""

import re
from pathlib import Path

from chunkc.compiler.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("compiler", "grammar", "passes", "simulator", "backends", "cli", "store")
FILES = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
USED = {
    code
    for path in [*FILES, ROOT / "api.py"]
    if not path.name.startswith("codes")
    for code in re.findall(r"CC\d{4}", path.read_text(encoding="utf-8"))
}


def test_what_is_reported_is_explained():
    assert not USED - set(CODES)


def test_explanations_have_a_title_and_a_text():
    for code, meaning in CODES.items():
        assert re.fullmatch(r"CC\d{4}", code)
        assert meaning.title and "\n" not in meaning.title
        assert meaning.explanation.strip()
