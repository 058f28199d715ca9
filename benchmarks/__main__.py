"""`make benchmark`: measures, prints a table, and writes it to docs/benchmarks.md.

python -m benchmarks                                  # all, half an hour and more
python -m benchmarks elt --patients 10000 100000      # one of them, smaller
"""

from __future__ import annotations

import argparse
import os
import platform
from datetime import datetime

from medimart.settings import PROJECT_ROOT

from benchmarks import cards, elt, loading, publication, scheduler
from benchmarks.table import Row, markdown

RESULTS = PROJECT_ROOT / "docs" / "benchmarks.md"
PARTS = {
    "loading": loading.measure,
    "elt": elt.measure,
    "publication": publication.measure,
    "cards": cards.measure,
    "scheduler": scheduler.measure,
}


def main() -> None:
    """Measure what is asked, print it, and keep it when all was measured."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="what to measure; all when left out")
    parser.add_argument("--patients", nargs="+", type=int, default=list(elt.SIZES), help="sizes of the ELT benchmark")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for part in chosen.part or PARTS:
        print(f"Measuring {part} …", flush=True)
        rows += elt.measure(chosen.patients) if part == "elt" else PARTS[part]()
    table = markdown(rows)
    print(table)
    if not chosen.part:
        heading = _HEADING.format(day=f"{datetime.now():%d %B %Y}", cores=os.cpu_count(), machine=platform.machine())
        _, section, words = RESULTS.read_text().partition("\n## ")  # what people wrote of an earlier table stays
        RESULTS.write_text(heading + table + section + words)
        print(f"Written to {RESULTS}")


_HEADING = """# Benchmarks

Made by `make benchmark` on {day}: {cores} cores, {machine}. Seconds depend on the machine and its load; each
ratio compares two things measured in one run.

"""

if __name__ == "__main__":
    main()
