"""The healthy builds, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from healthy_build import PUBLICATION, WAITING_LIST, Healthy, built, healthy, write_months
from medimart.db import connect
from medimart.local.postgres import PostgresServer
from medimart.pipeline import Run
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options

WITHOUT_REFERRAL = {"inferred_treatment": 4, "inferred_treatment_fits_none": 1, "inferred_treatment_fits_several": 1}


@pytest.fixture(scope="session")
def builds(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Healthy]]:
    """By pipeline: three synthetic weeks and two published months, each built for its last."""
    folder = tmp_path_factory.mktemp("quality")
    options = Options(patients=400, weeks=3, seed=7, plant=WITHOUT_REFERRAL)
    generate(folder / "landing", options)
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(server.url(), autocommit=True) as admin:
        patch.setenv("MEDIMART_HOME", str(folder / "home"))
        patch.setenv("MEDIMART_LANDING", str(folder / "landing"))
        patch.setenv("MEDIMART_PSEUDONYM_KEY", "5a" * 32)
        december, january = write_months(folder, patch)
        admin.execute("create database quality")
        url = server.url("quality")
        with connect(url) as conn:
            weekly = healthy(conn, url, Run("weekly", WAITING_LIST, options.until))
            built(conn, Run("december", PUBLICATION, input=december))
            monthly = healthy(conn, url, Run("january", PUBLICATION, input=january))
            yield {WAITING_LIST: weekly, PUBLICATION: monthly}
            weekly.engine.close()
            monthly.engine.close()
        admin.execute("drop database quality with (force)")
