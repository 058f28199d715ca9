"""One stack for every test that needs a scheduler, with a few small weeks before it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from medimart.local.postgres import free_port
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options
from place import BROKEN, WEEKS, Place


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="medimart-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def own_place() -> Iterator[Place]:
    """A place for all tests of a module: each leaves it as it was found, and Airflow's metadata are prepared once."""
    with _folder() as folder:
        yield Place(folder)


@pytest.fixture
def place() -> Iterator[Place]:
    """A place that the unprivileged account of the server can be kept out of, as a private home is."""
    with _folder() as folder:
        yield Place(folder)


@pytest.fixture(scope="session")
def weeks() -> Iterator[Place]:
    """Two good weeks, and one whose file lacks a column."""
    with _folder() as folder:
        generate(folder / "landing", Options(patients=60, weeks=len(WEEKS), until=WEEKS[-1]))
        broken = folder / "landing" / str(BROKEN)
        shutil.copytree(folder / "landing" / str(WEEKS[-1]), broken)
        (broken / "_complete.json").write_text("{}")
        lines = (broken / "referrals.csv").read_text().splitlines(keepends=True)
        (broken / "referrals.csv").write_text("".join([lines[0].replace("referral_date", "when"), *lines[1:]]))
        yield Place(folder)


@pytest.fixture(scope="session")
def free_ports() -> dict[str, str]:
    """Ports nobody uses, as settings."""
    return {"MEDIMART_PORT": str(free_port()), "MEDIMART_POSTGRES_PORT": str(free_port())}
