"""Environments that chunks ask for: made on demand, kept in the user's cache folder by what is in them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ...compiler.loading.handles import refused

LAST = 12
"""Lines of pip that are told where it fails."""
PIP = "what is needed is to be had for this Python? pip's own settings (index, proxy) hold here too"
OFFLINE = "with `--offline` pip takes packages out of the folders that PIP_FIND_LINKS names, and from nowhere else"
OURS = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
"""Of the variables around us: those that say where this Python finds packages, and where pip puts them."""


def environments() -> Path:
    """The folder that holds them: `$XDG_CACHE_HOME/chunkc/environments`, or below `~/.cache`. `CompileError` (CC1472) where
    neither is known."""
    told = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not told.is_absolute():  # by the XDG specification one that is not is none
        try:
            told = Path.home() / ".cache"
        except RuntimeError as error:
            raise _failed((), str(error), (), hint="set XDG_CACHE_HOME to a folder for it") from error
    return told / "chunkc" / "environments"


def needed(requires: Iterable[str]) -> tuple[str, ...]:
    """What is to be installed here, sorted, each in its normal form. `CompileError` (CC1470) where one is no requirement."""
    found = set()
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            message = f"`{text}` does not say what is needed: {str(error).splitlines()[0]}"
            raise refused("CC1470", message, text, hint='write it as pip takes it: `"name>=1.2"`', what="requires") from None
        if requirement.marker is None or requirement.marker.evaluate():
            requirement.marker = None
            found.add(str(requirement))
    return tuple(sorted(found))


def key_of(requirements: Sequence[str]) -> str:
    """What an environment is kept under: the same for the same Python, machine and requirements."""
    facts = (platform.python_implementation(), platform.python_version(), sysconfig.get_platform(), *requirements)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:24]


def interpreter(requires: Iterable[str], *, allowed: bool, offline: bool = False) -> Path:
    """The Python of an environment in which `requires` are installed and nothing else, made now if it is not there.

    One process makes it while others wait; it has its name once it is whole. To install packages is to run code of others: it
    is done if `allowed`; `offline`, pip asks no index. `CompileError`: CC1470 no requirement, CC1471 not allowed, CC1472 it
    cannot be made.
    """
    requirements = needed(requires)
    home = environments() / key_of(requirements)
    python = home / "bin" / "python"
    if python.exists():
        return python
    if requirements and not allowed:
        names = ", ".join(f"`{one}`" for one in requirements)
        raise refused(
            "CC1471",
            f"an environment would have to be made for {names}, and installing packages runs code of theirs",
            names,
            hint="allow it by `--allow-python` (in Python: `allow_python=True`)",
            what="requires",
        )
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with _locked(home.with_suffix(".lock")):
            if not python.exists():
                _make(home, requirements, offline)
    except OSError as error:
        raise _failed(requirements, str(error), []) from error
    return python


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing alone leaves it locked as long as a process that was forked meanwhile lives.
            fcntl.flock(file, fcntl.LOCK_UN)


def _make(home: Path, requirements: Sequence[str], offline: bool) -> None:
    """Builds beside `home` and renames. The lock is ours: what lies there is of a process that was ended while it built."""
    building = home.with_suffix(".building")
    for old in (building, home):
        shutil.rmtree(old, ignore_errors=True)
    print(f"making an environment for {', '.join(requirements) or 'no packages'} …", file=sys.stderr, flush=True)
    try:
        _run(requirements, [sys.executable, "-I", "-m", "venv", *([] if requirements else ["--without-pip"]), str(building)])
        if requirements:
            pip = [str(building / "bin" / "python"), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
            _run(requirements, [*pip, *(["--no-index"] if offline else []), "--", *requirements], OFFLINE if offline else PIP)
        (building / "requires.txt").write_text("".join(f"{one}\n" for one in requirements), encoding="utf-8")
        building.rename(home)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _run(requirements: Sequence[str], command: Sequence[str], hint: str = PIP) -> None:
    """`CompileError` (CC1472) with the last lines, where it fails. What `-I` keeps from the command is kept from what that starts
    as well: a package in our PYTHONPATH is none of the environment."""
    around = {name: value for name, value in os.environ.items() if name not in OURS} | {"PIP_USER": "0"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=around
    )
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        raise _failed(requirements, f"exit status {done.returncode}", lines[-LAST:], hint)


def _failed(requirements: Sequence[str], why: str, last: Sequence[str], hint: str = PIP) -> Exception:
    names = ", ".join(f"`{one}`" for one in requirements) or "no packages"
    told = "".join(f"\n    {line}" for line in last)
    return refused(
        "CC1472",
        f"the environment for {names} cannot be made ({why}){told}",
        names,
        hint=hint,
        what="requires",
    )
