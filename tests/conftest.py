"""What all tests share: golden files, hypothesis profiles, and the check that no module was imported twice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("api", "backends", "benchmarks", "cli", "compiler", "grammar", "passes", "simulator", "store")

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write expected outputs again instead of comparing")


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def specs() -> Path:
    """The folder of `.cc` files that users open first."""
    return ROOT / "specs"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` compares text with the file `name` beside the test, or writes it under `--update-golden`."""

    def compare(name: str, text: str) -> None:
        path = request.path.parent / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; --update-golden writes it again"

    return compare


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run if a room was imported under any name but `chunkc.*`: its classes would exist twice."""
    twice = [
        name
        for name, module in sys.modules.copy().items()
        if not name.startswith("chunkc.")
        and (file := getattr(module, "__dict__", {}).get("__file__"))
        and Path(file).parent != ROOT
        and Path(file).is_relative_to(ROOT)
        and Path(file).relative_to(ROOT).parts[0] in ROOMS
    ]
    if twice:
        print(f"\nimported outside `chunkc.*`: {', '.join(sorted(twice))}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
