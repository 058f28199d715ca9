"""What the generator promises of every extract it makes."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from medimart.errors import InputError, SettingError
from medimart.landing import extracts, folder_contracts
from medimart.synthetic.files import ENCODINGS
from medimart.synthetic.generate import generate
from medimart.synthetic.options import SOURCES, Options
from medimart.synthetic.rows import CORE
from medimart.synthetic.vocabulary import SPECIALTIES
from medimart.synthetic.world import SESSION_LEAD_DAYS, World

HORIZON_DAYS = SESSION_LEAD_DAYS + 7  # sessions, and due dates of planned care, lie this far ahead at most

# Columns that tell of what has happened: never later than the extract they are in.
HAPPENED = {
    "patients": ["DOB", "death_date"],
    "referrals": [
        "referral_date", "received_date", "clock_start_date", "clock_stop_date", "status_date", "first_activity_date",
        "decision_to_treat_date", "decision_to_admit_date", "tci_offered_date", "last_validation_date",
        "transferred_out_date",
    ],
    "appointments": ["referral_date", "booked_date", "cancelled_date"],
    "procedures": ["actual_date", "decision_to_admit_date", "tci_offered_date", "cancelled_date"],
    "conditions": ["diagnosed_date"],
    "experience": ["survey_date"],
}  # fmt: skip


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate") / "landing"
    generate(folder, Options(patients=3000, weeks=3, gzip=frozenset({"conditions"})))
    return folder


def rows(folder: Path, source: str) -> Iterator[dict[str, str]]:
    path = folder / f"{source}.csv"
    opener = open if path.exists() else gzip.open
    path = path if path.exists() else folder / f"{source}.csv.gz"
    with opener(path, "rt", encoding=ENCODINGS.get(source, "utf-8"), newline="") as file:  # type: ignore[operator]
        yield from csv.DictReader(file)


def day(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%d/%m/%Y" if "/" in text else "%Y-%m-%d").date()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_options_give_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    made = []
    for name, workers, seed in (("one", 1, 1), ("two", 2, 1), ("other", 1, 2)):
        plant = {"too_many_fields": 2, "died": 1}
        generate(tmp_path / name, Options(patients=1500, weeks=2, seed=seed, workers=workers, plant=plant))
        made.append(contents(tmp_path / name))
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_extracts_are_complete_and_as_their_contracts_say(landed: Path) -> None:
    found = extracts(landed)
    assert [e.date for e in found] == [dt.date(2026, 3, 22), dt.date(2026, 3, 29), dt.date(2026, 4, 5)]
    assert all(e.is_complete and not e.unexpected for e in found)
    deliveries = [{c.source: e.delivery(c) for c in folder_contracts()} for e in found]
    assert deliveries[0] == dict.fromkeys(deliveries[0], "full") | {"sessions": "changes", "experience": "changes"}
    assert deliveries[2] == dict.fromkeys(deliveries[2], "changes") | {"gp": "full", "trusts": "full"}


def test_nhs_numbers_are_of_the_test_series_valid_and_unique(landed: Path) -> None:
    numbers = [row["nhs_number"].replace(" ", "") for row in rows(landed / "2026-03-22", "patients")]
    assert len(set(numbers)) == len(numbers) > 2500
    for number in numbers:
        assert number.startswith("999")
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(number[:9]))
        assert (11 - total % 11) % 11 == int(number[9])


def test_no_row_knows_the_future(landed: Path) -> None:
    for folder in sorted(landed.iterdir()):
        today = dt.date.fromisoformat(folder.name)
        for source, columns in HAPPENED.items():
            for row in rows(folder, source):
                late = [c for c in columns if row[c] and day(row[c]) > today]
                assert not late, (folder.name, source, row[next(iter(row))], late)
        for row in rows(folder, "appointments"):
            if day(row["appt_date"]) > today:
                assert row["attendance_code"].lower() in ("0", "00", "not yet") or row["cancelled_date"], row


def test_plans_reach_no_further_than_the_horizon(landed: Path) -> None:
    until = Options(patients=1).until
    planned = {"appointments": "appt_date", "procedures": "planned_date", "sessions": "session_date"}
    for folder in landed.iterdir():
        for source, column in planned.items():
            latest = max(day(row[column]) for row in rows(folder, source) if row[column])
            assert (latest - until).days <= HORIZON_DAYS, (folder.name, source)


def test_waits_are_shaped_like_the_national_bands(landed: Path) -> None:
    """National open list, January 2026: 61.4% within 18 weeks, 1.9% over 52, median 13.4, 92nd percentile 40 weeks."""
    census = dt.date(2026, 3, 22)
    waits = sorted(
        (census - day(row["clock_start_date"])).days
        for row in rows(landed / census.isoformat(), "referrals")
        if row["clock_start_date"] and not row["clock_stop_date"]
    )
    count = len(waits)
    assert count > 1000
    assert sum(w <= 126 for w in waits) / count == pytest.approx(0.614, abs=0.04)
    assert sum(w >= 365 for w in waits) / count == pytest.approx(0.019, abs=0.01)
    assert sum(w >= 456 for w in waits) / count < 0.005
    assert waits[count // 2] / 7 == pytest.approx(13.4, abs=1.5)
    assert waits[int(count * 0.92)] / 7 == pytest.approx(40.4, abs=3)
    first, second = sum(w <= 7 for w in waits), sum(8 <= w <= 14 for w in waits)
    assert 0.6 < first / second < 1.6  # no wall at the front


def test_bookings_name_sessions_that_were_delivered(landed: Path) -> None:
    sessions = {row["session_id"] for folder in landed.iterdir() for row in rows(folder, "sessions")}
    first_day = dt.date(2026, 3, 22) - dt.timedelta(days=84)
    booked = [
        row["session_id"]
        for row in rows(landed / "2026-03-22", "appointments")
        if first_day <= day(row["appt_date"]) and not row["cancelled_date"]
    ]
    assert len(booked) > 2000
    assert set(booked) <= sessions


def test_core_only_gives_the_seven_files_with_the_required_columns(tmp_path: Path) -> None:
    generate(tmp_path, Options(patients=200, weeks=2, core_only=True))
    sources = [contract for contract in folder_contracts() if contract.required]
    for folder in tmp_path.iterdir():
        assert {p.name for p in folder.iterdir()} == {f"{c.source}.csv" for c in sources} | {"_complete.json"}
        for contract in sources:
            with (folder / f"{contract.source}.csv").open(encoding=ENCODINGS.get(contract.source, "utf-8")) as file:
                header = tuple(next(csv.reader(file)))
            assert header == CORE[contract.source]
            assert {h.lower() for h in header} == {c.header for c in contract.columns if c.required}


def test_fewer_changing_patients_bring_fewer_changes(tmp_path: Path) -> None:
    sizes = Counter[float]()
    for share in (1.0, 0.1):
        generate(tmp_path / str(share), Options(patients=1500, weeks=2, changing=share))
        sizes[share] = sum(1 for _ in rows(tmp_path / str(share) / "2026-04-05", "referrals"))
    assert 0 < sizes[0.1] < sizes[1.0] * 0.25


def test_generated_extracts_never_overwrite(tmp_path: Path) -> None:
    generate(tmp_path, Options(patients=10, weeks=1))
    with pytest.raises(InputError, match="exists already"):
        generate(tmp_path, Options(patients=10, weeks=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patients": 0}, "patients must be at least 1"),
        ({"patients": 1, "until": dt.date(2026, 4, 6)}, "until must be a Sunday.*2026-04-05"),
        ({"patients": 1, "changing": 1.5}, "changing must be between 0 and 1"),
        ({"patients": 1, "trusts": 101}, "at most 100 trusts"),
        ({"patients": 1, "gzip": frozenset({"x-rays"})}, "no such source to compress: x-rays"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Options(**options)  # type: ignore[arg-type]


def test_fewer_are_positive_where_more_wait_over_18_weeks(tmp_path: Path) -> None:
    """The link that is documented is there to be found, and the survey leads to nobody."""
    options = Options(patients=8000, weeks=8, trusts=1, seed=3)
    generate(tmp_path, options)
    waits: Counter[tuple[str, bool]] = Counter()
    world = World(options)
    specialty_of = {text.lower(): s.code for s in SPECIALTIES for text in s.texts}
    answers: Counter[tuple[str, bool]] = Counter()
    for folder in sorted(tmp_path.iterdir()):
        for row in rows(folder, "experience"):
            assert tuple(row) == CORE["experience"]
            if row["answer"]:
                answers[specialty_of[row["specialty"].lower()], row["answer"] in ("1", "2")] += 1
    census = dt.date(2026, 2, 15)
    for row in rows(tmp_path / census.isoformat(), "referrals"):
        if row["clock_start_date"] and not row["clock_stop_date"]:
            over = (census - day(row["clock_start_date"])).days > 126
            waits[specialty_of[row["specialty"].lower()], over] += 1
    assert world.trusts[0].style == 0  # whose answers are numbers
    shares = [
        (waits[code, True] / (waits[code, True] + waits[code, False]), answers[code, True] / sum_of)
        for code in {code for code, _ in answers}
        if (sum_of := answers[code, True] + answers[code, False]) > 300
    ]
    assert len(shares) > 8
    assert statistics.correlation(*zip(*shares, strict=True)) < -0.7
    assert 0.8 < sum(answers[key] for key in answers if key[1]) / answers.total() < 0.97


def test_the_survey_changes_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name, sources in (("with", SOURCES), ("without", SOURCES[:-1])):
        monkeypatch.setattr("medimart.synthetic.options.SOURCES", sources)
        generate(tmp_path / name, Options(patients=300, weeks=2))
        made.append({key: data for key, data in contents(tmp_path / name).items() if "_complete" not in key})
    assert {key: data for key, data in made[0].items() if "experience" not in key} == made[1]
    assert len(made[0]) == len(made[1]) + 2
