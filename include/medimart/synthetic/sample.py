"""Make the shipped samples anew: `python -m medimart.synthetic.sample`.

`data/landing` holds twelve weekly extracts of about 5,000 patients of four fictional trusts, with some dirt of which
`data/landing/.planted.json` tells every line (medimart.synthetic.planting); `data/publication` a month
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
DIRT = {
    # Set aside.
    "too_many_fields": 3, "too_few_fields": 2, "broken_quote": 2, "missing_key": 2, "missing_value": 2,
    "unreadable_date": 3, "unreadable_number": 2, "date_before_1900": 2, "impossible_date": 3,
    # Kept, and flagged or counted.
    "unmapped_word": 6, "unmapped_code": 8, "unmapped_status": 3, "unmapped_specialty": 4, "unmapped_procedure": 6,
    "invalid_nhs_number": 15, "unreadable_postcode": 5, "out_of_range": 3, "orphan_patient": 2, "orphan_gp": 3,
    "orphan_referral": 4, "completion_in_future": 3, "duplicate_key": 5, "one_person_two_ids": 4,
    "carried_forward": 2, "unmapped_answer": 3, "unasked_file": 1,
}  # fmt: skip
OPTIONS = Options(patients=5000, weeks=12, gzip=frozenset({"appointments", "experience"}), plant=DIRT)


def write_landing(folder: Path) -> None:
    """Write the sample's extracts into a folder that is not there yet."""
    generate(folder, OPTIONS)


if __name__ == "__main__":
    if LANDING.exists():
        shutil.rmtree(LANDING)
    write_landing(LANDING)
    publication.write(PUBLICATION)
    print(f"Written: {LANDING}, {PUBLICATION}")
