"""`requires`: what is missing or of another version, and the command that installs it, several at once."""

from importlib import metadata
from pathlib import Path

import pytest
from foreign_files import foreign, write_linear

from chunkc.backends.torch.foreign import requirements
from chunkc.backends.torch.foreign.runners import load
from chunkc.compiler.loading.places import Unloadable


def test_what_is_met_says_nothing() -> None:
    for text in ("numpy", "numpy>=1", "packaging>=1; python_version >= '3'", "no-such-package; python_version < '3'", "NumPy"):
        assert list(requirements.unmet(text)) == []


def test_versions_wanted_and_found_are_told_all_at_once(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m.onnx", [[1.0]], [0.0])
    with pytest.raises(Unloadable) as error:
        load(foreign("onnx", path, requires=("numpy>=99", "no-such-package>=1", "packaging")))
    told = str(error.value)
    assert error.value.diagnostic.code == "CC1464"
    assert f"`numpy>=99`, and numpy {metadata.version('numpy')} is installed" in told
    assert "`no-such-package>=1`, and `no-such-package` is not installed" in told
    assert 'pip install "numpy>=99" "no-such-package>=1"' in told


def test_what_is_no_requirement_is_told() -> None:
    (told,) = requirements.unmet("numpy >>= 1")
    assert "PEP 508" in told and "numpy >>= 1" in told


def test_extras_are_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "toy_pkg-1.5.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: toy-pkg", "Version: 1.5", "Provides-Extra: fast", "Requires-Dist: another-one"]
    lines.append("Requires-Dist: no-such-package>=3; extra == 'fast'")
    (info / "METADATA").write_text("\n".join([*lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(requirements.unmet("toy_pkg>1")) == []
    (told,) = requirements.unmet("toy-pkg[fast]")
    assert "`no-such-package>=3`" in told
    (told,) = requirements.unmet("toy-pkg[slow]")
    assert "no extra `slow`" in told
    (told,) = requirements.unmet("toy-pkg>=2; python_version >= '3'")
    assert "`toy-pkg>=2`, and toy-pkg 1.5 is installed" in told


def test_a_package_that_is_damaged_or_old_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = {
        "half": [],
        "odd": ["Version: of-march"],
        "old": ["Version: 1", "Provides-Extra: x", "Requires-Dist: a (b"],
    }
    for name, lines in made.items():
        (tmp_path / f"{name}_made-1.dist-info").mkdir()
        text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}-made", *lines, ""])
        (tmp_path / f"{name}_made-1.dist-info" / "METADATA").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("half", "odd"):
        (told,) = requirements.unmet(f"{name}-made")
        assert f"`{name}-made`, which does not say its version, is installed" in told
    assert list(requirements.unmet("old-made[x]")) == []


def test_the_command_is_one_for_a_shell() -> None:
    assert requirements.command(['a; python_version > "3"', "b>=1"]) == "pip install 'a; python_version > \"3\"' \"b>=1\""
