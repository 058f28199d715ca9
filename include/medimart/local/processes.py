"""Child processes that never outlive us.

Each child leads a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone (which stops
its children in order), and everything a child forks can be found again by that session. On Linux the kernel
also signals a child when the supervisor dies; elsewhere the next start sweeps what a killed one left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# PostgreSQL refuses to run as root: what root starts unprivileged runs as this account ("nobody").
UNPRIVILEGED_ID = 65534


@dataclass(frozen=True)
class Child:
    """A running program of the stack; its pid is also its session's id. `log` holds its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether the child itself (not what it forked) still runs."""
        return self.process.poll() is None


def spawn(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    unprivileged: bool = False,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start a program in a session of its own, with its output appended to `log`.

    unprivileged: run as `nobody` when we are root. death_signal: what the child gets when we are killed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_dies_with_parent(death_signal),
            **(account() if unprivileged else {}),
        )
    return Child(name, process, log)


def account() -> dict[str, Any]:
    """The `subprocess` arguments that drop root's rights; none for an ordinary user."""
    if os.getuid() != 0:
        return {}
    return {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}


def stop(children: Iterable[Child], patience: float, how: signal.Signals = signal.SIGTERM) -> None:
    """Ask children to end, wait up to `patience` seconds for all, then end what is left of their sessions."""
    children = list(children)
    for child in children:
        if child.is_alive:
            child.process.send_signal(how)
    until = time.monotonic() + patience
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
    sweep(child.process.pid for child in children)
    for child in children:
        child.process.wait()


def sweep(sessions: Iterable[int], within: Path | None = None) -> None:
    """Kill every process of these sessions (only those working in the folder `within`, for sessions noted
    long ago: their numbers may be others' by now), and wait until they are gone."""
    wanted = set(sessions)
    until = time.monotonic() + 5
    while (left := members(wanted, within)) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def members(sessions: set[int], within: Path | None = None) -> list[int]:
    """The living processes of these sessions (dead ones that nobody has waited for do not count)."""
    import psutil

    def belongs(process: psutil.Process) -> bool:
        if os.getsid(process.pid) not in sessions or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return within is None or Path(process.cwd()).is_relative_to(within)

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if belongs(process):
                found.append(process.pid)
    return found


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nobody who presses Ctrl-C once more keep us from ending what we started."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = [signal.signal(number, signal.SIG_IGN) for number in wanted] if _is_main_thread() else []
    try:
        yield
    finally:
        for number, handler in zip(wanted, former, strict=False):
            signal.signal(number, handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def last_lines(log: Path, count: int = 1) -> str:
    """The end of a log, for an error message; empty when there is none."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def _dies_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl, number = _LIBC.prctl, int(how)
    return lambda: prctl(_PR_SET_PDEATHSIG, number)
