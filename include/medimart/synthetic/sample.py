"""Make the shipped samples anew: `python -m medimart.synthetic.sample`.

`data/landing` holds twelve weekly extracts of about 5,000 patients of four fictional trusts, `data/publication` a month
in the format of NHS England's publication. Tests prove that both are what the generator makes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from medimart.settings import PROJECT_ROOT
from medimart.synthetic import publication
from medimart.synthetic.generate import generate
from medimart.synthetic.options import Options

LANDING = PROJECT_ROOT / "data" / "landing"
PUBLICATION = PROJECT_ROOT / "data" / "publication" / "sample.zip"
OPTIONS = Options(patients=5000, weeks=12, gzip=frozenset({"appointments"}))


def write_landing(folder: Path) -> None:
    """Write the sample's extracts into a folder that is not there yet."""
    generate(folder, OPTIONS)


if __name__ == "__main__":
    if LANDING.exists():
        shutil.rmtree(LANDING)
    write_landing(LANDING)
    publication.write(PUBLICATION)
    print(f"Written: {LANDING}, {PUBLICATION}")
