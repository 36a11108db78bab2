"""Compiled kernels are kept on disk, are never stale, and leave the user's numba settings alone."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba

from chunkc.simulator import compiled

CALLER = "from .compiled import kernel\nfrom .callee import inner\n\n@kernel\ndef outer(x):\n    return inner(x) + 1.0\n"
CALLEE = "from .compiled import kernel\n\n@kernel\ndef inner(x):\n    return x * {factor}\n"
RUN = "from room.caller import outer; print(outer(2.0), dict(outer.stats.cache_hits))"


def small_room(folder: Path, factor: float) -> None:
    """A package with the decorator and two files of kernels, one calling the other."""
    room = folder / "room"
    room.mkdir(exist_ok=True)
    (room / "__init__.py").touch()
    shutil.copy(compiled.__file__, room / "compiled.py")
    (room / "caller.py").write_text(CALLER)
    (room / "callee.py").write_text(CALLEE.format(factor=factor))


def outer(folder: Path, **env: str) -> str:
    """What `outer(2.0)` gives in a new process, and what it loaded from disk."""
    variables = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), **env}
    command = [sys.executable, "-c", RUN]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=folder).stdout.strip()


def test_a_changed_callee_in_another_file_is_compiled_again(tmp_path):
    small_room(tmp_path, 3.0)
    assert outer(tmp_path) == "7.0 {}"
    assert outer(tmp_path) == "7.0 {(float64,): 1}"
    small_room(tmp_path, 5.0)
    assert outer(tmp_path) == "11.0 {}"
    small_room(tmp_path, 3.0)  # the older version is still there
    assert outer(tmp_path) == "7.0 {(float64,): 1}"
    assert not list((tmp_path / "room").rglob("*.nb?"))


def test_where_nothing_can_be_written_kernels_still_run(tmp_path):
    small_room(tmp_path, 3.0)
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file")
    assert outer(tmp_path, XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == "7.0 {}"  # in the temporary folder
    assert outer(tmp_path, XDG_CACHE_HOME=nowhere, TMPDIR=str(tmp_path)) == "7.0 {(float64,): 1}"


def test_the_users_own_settings_stay(tmp_path):
    small_room(tmp_path, 3.0)
    settings = {"NUMBA_CACHE_DIR": str(tmp_path / "theirs"), "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    assert outer(tmp_path, **settings) == "7.0 {}"
    assert outer(tmp_path, **settings) == "7.0 {(float64,): 1}"
    assert not (tmp_path / "theirs").exists()


def test_processes_at_once_keep_their_signatures_apart(tmp_path):
    small_room(tmp_path, 3.0)
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = "from room.caller import outer; print(outer({}))"
    for _ in range(2):  # compiled by both at once, then loaded by both
        commands = [[sys.executable, "-c", code.format(x)] for x in ("2.0", "2")]
        running = [subprocess.Popen(c, env=variables, stdout=subprocess.PIPE, text=True, cwd=tmp_path) for c in commands]
        assert [process.communicate()[0].strip() for process in running] == ["7.0", "7.0"]
    (folder,) = (tmp_path / "cache" / "chunkc" / "kernels").iterdir()
    assert len(list(folder.iterdir())) == 4  # two functions, two signatures


def test_only_the_latest_used_versions_are_kept(tmp_path):
    for age, name in enumerate("abcde"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000.0 - age, 1000.0 - age))
    compiled.prune(tmp_path, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_without_a_compiler_the_functions_are_plain(tmp_path):
    small_room(tmp_path, 3.0)
    code = "from room.caller import outer; print(type(outer).__name__, outer(2.0))"
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "function 7.0"


def outside_names(tree: ast.Module) -> set[str]:
    """Names that a file imports from files of the room that hold no kernels."""
    names = set()
    holding = {path.stem for path in compiled.kernel_sources()}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level and (node.module or "").split(".")[-1] not in holding | {"compiled"}:
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_kernels_read_nothing_that_the_hash_does_not_see():
    wrong = []
    for path in compiled.kernel_sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            marks = {mark.id for mark in function.decorator_list if isinstance(mark, ast.Name)}
            if marks & {"kernel", "bare_kernel", "part"}:
                used = {node.id for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)}
                wrong += [f"{path.name}: {function.name} reads {name}" for name in used & outside_names(tree)]
    assert not wrong


def test_the_decorator_is_njit():
    @compiled.kernel
    def doubled(x: float) -> float:
        return 2 * x

    assert doubled(3.0) == 6.0 and isinstance(doubled, numba.core.dispatcher.Dispatcher)
    assert not doubled.targetoptions.get("fastmath")


def test_how_kernels_are_compiled_is_part_of_their_hash():
    assert Path(compiled.__file__) in compiled.kernel_sources()
