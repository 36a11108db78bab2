"""The rooms know only what the table allows, the package holds every file, and importing it is cheap."""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_KNOW = {
    "compiler": set(),
    "grammar": {"compiler"},
    "passes": {"compiler"},
    "simulator": {"compiler"},
    "store": {"compiler"},
    "backends": {"compiler"},
    "cli": {"compiler", "grammar", "passes", "simulator", "store", "backends", "api", ""},
    "api": {"compiler", "grammar", "passes", "simulator", "store", "backends"},
}
"""What a room may import besides itself; "" is the root `__init__`."""

MODULES = sorted(p for room in MAY_KNOW for p in [*(ROOT / room).rglob("*.py"), ROOT / f"{room}.py"] if p.is_file())


def imports(path: Path):
    """(room, line) of each import in a module of another part of the package, and (None, line) of top-level ones, by name."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")] if node.module else [*base]
            for name in [target] if target else [[alias.name] for alias in node.names]:
                yield "inside", name[0] if name[0] in MAY_KNOW else "", node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield "outside", (node.module or "").split(".")[0], node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield "outside", alias.name.split(".")[0], node.lineno


def test_rooms_know_only_what_the_table_allows():
    wrong = []
    for path in MODULES:
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for kind, name, line in imports(path):
            allowed = name == room or name in MAY_KNOW[room] if kind == "inside" else name not in {*MAY_KNOW, "chunkc"}
            if not allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name or 'the root'}")
    assert not wrong


def test_torch_is_known_to_its_backend_only():
    wrong = []
    for path in MODULES:
        if path.is_relative_to(ROOT / "backends" / "torch"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None) or ""]
            if any(name.split(".")[0] == "torch" for name in names):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong


def test_files_stay_readable():
    assert not [str(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 350]


def test_the_reference_and_torch_share_no_code():
    for path in (ROOT / "backends" / "reference").rglob("*.py"):
        assert "backends.torch" not in path.read_text(encoding="utf-8") and "..torch" not in path.read_text(encoding="utf-8")
    for path in (ROOT / "backends" / "torch").rglob("*.py"):
        assert "..reference" not in path.read_text(encoding="utf-8")


def test_ties_are_never_left_to_topk():
    # Lint bans `torch.topk`; this bans the method, whose ties fall to no particular index either.
    assert not [str(path) for path in MODULES if ".topk(" in path.read_text(encoding="utf-8")]


def packages() -> list[str]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]


def test_every_folder_of_modules_is_a_listed_package():
    folders = {path.parent.relative_to(ROOT) for path in MODULES} - {Path()}
    assert {"chunkc", *(f"chunkc.{'.'.join(folder.parts)}" for folder in folders)} == set(packages())


def loaded_after(code: str) -> set[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_imports_nothing_heavy():
    assert not loaded_after("import chunkc; dir(chunkc)") & {"torch", "numpy", "lark", "click", "rich"}


def test_help_imports_nothing_heavy():
    code = "from chunkc.cli import group\ntry: group(['--help'])\nexcept SystemExit: pass"
    loaded = loaded_after(code)
    assert "click" in loaded
    assert not loaded & {"torch", "numpy", "lark", "rich"}


def test_the_public_names_are_there():
    import chunkc

    for name in chunkc.__all__:
        assert getattr(chunkc, name) is not None
    with pytest.raises(AttributeError):
        _ = chunkc.nothing


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_data_file(tmp_path):
    # A copy: built in place, setuptools would add what an earlier build left in build/lib.
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    kinds = {".lark", ".cc", ".toml", ".css", ".js"}
    data = [p for room in (*MAY_KNOW, "specs") for p in (ROOT / room).rglob("*") if p.suffix in kinds]
    root = [ROOT / "__init__.py", ROOT / "__main__.py"]
    assert held == {f"chunkc/{path.relative_to(ROOT)}" for path in [*MODULES, *data, *root]}
