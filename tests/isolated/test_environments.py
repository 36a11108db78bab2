"""Environments of chunks: made once, whole or not at all, and only if they may be."""

import subprocess
import sys
import textwrap
import threading

import pytest

from chunkc.backends.isolated import environments
from chunkc.backends.isolated.chunk import IsolatedChunk, default_timeout
from chunkc.backends.isolated.environments import interpreter, needed
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.loading.places import Unloadable


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chunkc" / "environments"


def test_made_once_and_kept(cache, capsys):
    made = [None] * 4
    threads = [threading.Thread(target=lambda i=i: made.__setitem__(i, interpreter([], allowed=False))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1 and capsys.readouterr().err.count("making an environment for no packages") == 1
    assert sorted(one.suffix for one in cache.iterdir()) == ["", ".lock"]
    assert subprocess.run([made[0], "-I", "-c", "import numpy"], capture_output=True, check=False).returncode == 1


def test_two_processes_make_one(cache):
    program = "from chunkc.backends.isolated.environments import interpreter; print(interpreter([], allowed=False))"
    command = [sys.executable, "-c", program]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate() for one in both]
    assert told[0][0] == told[1][0] == f"{cache / environments.key_of([]) / 'bin' / 'python'}\n"
    assert "".join(err for _, err in told).count("making an environment") == 1


@pytest.mark.parametrize("text, seconds", [("", 300.0), ("2.5", 2.5), ("inf", float("inf")), ("0", 0), ("soon", 0), ("nan", 0)])
def test_how_long_a_worker_is_waited_for(monkeypatch, text, seconds):
    monkeypatch.setenv("CHUNKC_WORKER_TIMEOUT", text)
    if seconds:
        assert default_timeout() == seconds
    else:
        with pytest.raises(CompileError, match="CHUNKC_WORKER_TIMEOUT"):
            default_timeout()


def test_what_a_process_left_half_made_is_made_anew(cache):
    home = cache / environments.key_of([])
    (home.with_suffix(".building") / "bin").mkdir(parents=True)
    home.mkdir()  # without an interpreter in it
    assert interpreter([], allowed=False).exists() and not home.with_suffix(".building").exists()


def test_a_damaged_environment_is_told_with_its_remedy(cache):
    python = cache / environments.key_of([]) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho no module named encodings\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(Unloadable, match=f"(?s)CC1475.*exit status 1.*encodings.*damaged, delete `{python.parent.parent}`"):
        IsolatedChunk("edges", "py:a:b", "py", "a:b").load()
    python.chmod(0o644)
    with pytest.raises(Unloadable, match=f"(?s)CC1473.*Permission denied.*delete `{python.parent.parent}`"):
        IsolatedChunk("edges", "py:a:b", "py", "a:b").load()


def test_what_is_around_us_is_no_part_of_it(monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET"):
        monkeypatch.setenv(name, "/elsewhere")
    environments._run([], ["sh", "-c", 'test -z "$PYTHONPATH$PYTHONHOME$PIP_TARGET" && test "$PIP_USER" = 0'])


def test_where_environments_are(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environments.environments() == tmp_path / ".cache" / "chunkc" / "environments"


def test_requirements_are_the_same_however_they_are_written():
    assert needed(["b >= 1", "a", "a", 'c; python_version < "3"']) == ("a", "b>=1")
    assert environments.key_of(("a",)) != environments.key_of(("b",))


@pytest.mark.parametrize("text", ["--index-url=http://evil", "-r file", "a=>1", ""])
def test_what_is_no_requirement_is_not_handed_to_pip(text):
    with pytest.raises(CompileError) as caught:
        interpreter([text], allowed=True)
    assert caught.value.diagnostics[0].code == "CC1470"


def test_packages_are_installed_only_if_allowed(cache):
    with pytest.raises(CompileError) as caught:
        interpreter(["a-package"], allowed=False)
    assert caught.value.diagnostics[0].code == "CC1471" and not cache.exists()
    with pytest.raises(Unloadable, match="CC1471"):
        IsolatedChunk("edges", "py:a:b", "py", "a:b", ["a-package"]).load()


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CompileError) as caught:
        interpreter([], allowed=False)
    assert caught.value.diagnostics[0].code == "CC1472"


@pytest.mark.slow
def test_pips_last_lines_are_told_and_offline_it_asks_nobody(cache, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")  # nobody listens
    with pytest.raises(CompileError) as caught:
        interpreter(["no-such-package-as-this==1"], allowed=True, offline=True)
    found = caught.value.diagnostics[0]
    assert "PIP_FIND_LINKS" in found.hint and "127.0.0.1" not in found.message
    assert found.code == "CC1472" and "No matching distribution found for no-such-package-as-this==1" in found.message
    assert [one.suffix for one in cache.iterdir()] == [".lock"]


@pytest.mark.slow
def test_a_package_of_another_version_than_ours(tmp_path):
    """`iniconfig` is a package that pytest brings; a chunk asks for an older one."""
    from importlib.metadata import version

    wanted = "iniconfig==1.1.1"
    assert version("iniconfig") != "1.1.1"
    asked = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "wheel"), wanted]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip(f"no package index answers here: `pip download {wanted}` fails")
    (tmp_path / "ini.py").write_text(
        textwrap.dedent("""
        import array
        from importlib.metadata import version
        import iniconfig

        class Version:
            def __call__(self, x):
                return array.array("i", map(int, version("iniconfig").split(".")))
        """)
    )
    for _ in range(2):  # the second time it is there
        chunk = IsolatedChunk("edges", "py:ini:Version", "py", "ini:Version", [wanted], folder=str(tmp_path), allowed=True)
        dtype, shape, data = chunk.run([("f32", (1,), memoryview(bytes(4)))])
        assert (dtype, shape, list(memoryview(data).cast("i"))) == ("i32", (3,), [1, 1, 1])
        chunk.close()
