"""A small warehouse to ask: three trusts, fifteen Sundays, by plain arithmetic so that figures can be checked by hand.

The marts hold exact counts; what readers see of them are the real views of the real headers. Most counts are large.
Planted: few over 52 weeks in dermatology at Calderbrook, and few of them at high risk, few very high risk at Greenmarsh
between 52 and 65 weeks, two pathways over 104 weeks at Greenmarsh, few other removals there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
from medimart.models import disclosure
from medimart.models.manifest import Model, load_manifest
from psycopg import sql

Row = dict[str, Any]

NEWEST = date(2026, 4, 5)
CENSUSES = [NEWEST - timedelta(days=7 * weeks) for weeks in range(14, -1, -1)]  # 28 December 2025 to 5 April 2026
AIREDGE, CALDERBROOK, GREENMARSH = 11, 22, 33
TRUSTS = {
    AIREDGE: ("ZA1", "Airedge University Hospitals NHS Foundation Trust"),
    CALDERBROOK: ("ZA2", "Calderbrook District Hospitals NHS Trust"),
    GREENMARSH: ("ZB1", "Greenmarsh and Ravensfield NHS Foundation Trust"),
}
FUNCTIONS = ("110", "320", "330")
TIERS = ("low", "medium", "high", "very_high")
GROUPS = ("0-18", "18-52", "52-65", "65-78", "78-104", "104+")
EQUITY = {
    "gender": ("1", "2"),
    "deprivation_quintile": ("1", "2", "3", "4", "5"),
    "age_band": ("18-24", "65-74", "85+"),
    "ethnic_category": ("A", "J", "Z"),
    "interpreter": ("no", "yes"),
}


def fill(conn: psycopg.Connection[Any]) -> None:
    """Make the marts and their shared views in a prepared warehouse, and say that every census is published."""
    rows = {
        "mart_breach_kpi": list(_waits()),
        "mart_risk_backlog": list(_risk()),
        "mart_high_risk_waits": list(_high_risk()),
        "mart_kpi_spc": list(_flows()),
        "mart_capacity_hotspots": list(_capacity()),
        "mart_equity": list(_equity()),
        "mart_delay_causes": list(_delays()),
        "mart_cohort_watch": list(_cohort()),
        "mart_queue_health": list(_queues()),
        "mart_support_opportunity": list(_support()),
        "mart_waitlist_projection": list(_outlook()),
        "mart_patient_experience": list(_experience()),
        "mart_spatial_access": list(_places()),
        "mart_mutual_aid": list(_aid()),
    }
    manifest = load_manifest()
    trusts = [
        {"trust_sk": trust, "trust_id": code, "trust_name": name, "provider_code": code, "is_unknown": False}
        for trust, (code, name) in TRUSTS.items()
    ]
    trusts.append({"trust_sk": 0, "trust_id": "UNKNOWN", "trust_name": "Unknown", "is_unknown": True})
    trusts.append({"trust_sk": -1, "trust_id": "ALL", "trust_name": "All trusts", "is_unknown": False})
    _table(conn, manifest["dim_trust"], trusts)
    conn.execute("grant select on marts.dim_trust to medimart_shared")
    for name, made in rows.items():
        _table(conn, manifest[name], made)
        disclosure.share(conn, manifest[name])
    for census in CENSUSES:
        conn.execute(
            "insert into marts.publication (pipeline, census_date, run_id, fingerprint, inputs, row_counts, checks, "
            "code_sha256, code_version) values ('waiting_list', %s, 'small', '', '{}', '{}', '{}', '', '')",
            (census,),
        )
    conn.execute(
        "create function d(exact bigint) returns bigint language sql as "  # the rule of a cell, written again
        "$$ select case when exact between 1 and 7 then null else 5 * round(exact / 5.0)::bigint end $$"
    )


def _table(conn: psycopg.Connection[Any], model: Model, rows: list[Row]) -> None:
    table = sql.Identifier("marts", model.name)
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(_type(column.name, rows)))  # type: ignore[arg-type]
        for column in model.columns
    ]
    conn.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))
    names = list(rows[0])
    copied = sql.SQL("copy {} ({}) from stdin").format(table, sql.SQL(", ").join(map(sql.Identifier, names)))
    with conn.cursor() as cursor, cursor.copy(copied) as copy:
        for row in rows:
            copy.write_row([row.get(name) for name in names])


def _type(name: str, rows: list[Row]) -> str:
    found = {type(row[name]) for row in rows if row.get(name) is not None}
    known = {date: "date", int: "bigint", float: "numeric", bool: "boolean", str: "text"}
    return known[found.pop()] if found else "bigint" if name.endswith("count") or name == "rank" else "text"


def _place(trust: int) -> int:
    return list(TRUSTS).index(trust)


def _waits() -> Iterator[Row]:
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            parts = []
            for place, function in enumerate(FUNCTIONS):
                known = 203 + 41 * _place(trust) + 32 * place + 3 * week
                over = 4 if (trust, function) == (CALDERBROOK, "330") else 31 + 6 * _place(trust) + 4 * place + week
                parts.append((known, known * (58 + 3 * place) // 100, over, over // 2, over // 3))
                yield _wait(census, "trust_function", trust, function, parts[-1], 11.5 + place + _place(trust))
            total = tuple(map(sum, zip(*parts, strict=True)))
            yield _wait(census, "trust", trust, "ALL", total, 12.25 + _place(trust) + week / 4)


def _wait(census: date, level: str, trust: int, function: str, counts: tuple[int, ...], median: float) -> Row:
    known, within, over_52, over_65, over_78 = counts
    return {
        "census_date": census,
        "level": level,
        "trust_sk": trust,
        "treatment_function_code": function,
        "known_start_count": known,
        "within_18_weeks_count": within,
        "over_52_weeks_count": over_52,
        "over_65_weeks_count": over_65,
        "over_78_weeks_count": over_78,
        "median_weeks": median,
        "p92_weeks": median * 3,
    }


def _risk() -> Iterator[Row]:
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for tier_place, tier in enumerate(TIERS):
                for place, group in enumerate(GROUPS):
                    count = 131 - 17 * place - 9 * tier_place + 5 * _place(trust) + week % 3
                    if trust == GREENMARSH and group == "104+":
                        count = 2 if tier == "low" else 0
                    if (trust, tier, group) == (GREENMARSH, "very_high", "52-65"):
                        count = 3
                    if count:
                        yield {
                            "census_date": census,
                            "trust_sk": trust,
                            "treatment_function_code": "320",
                            "risk_tier": tier,
                            "wait_group": group,
                            "pathway_count": count,
                            "undated_count": count // 2,
                            "priority_unknown_count": count // 3,
                            "validation_due_count": count * 2 // 3,
                        }


def _high_risk() -> Iterator[Row]:
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for function, size in zip(FUNCTIONS, (64, 117, 33), strict=True):
                for place, group in enumerate(("0-18", "18-52", "52+")):
                    count = size + 20 * (2 - place) + 5 * _place(trust) + week % 4
                    few = (trust, function, group) == (CALDERBROOK, "330", "52+")
                    yield {
                        "census_date": census,
                        "trust_sk": trust,
                        "treatment_function_code": function,
                        "wait_group": group,
                        "pathway_count": count,
                        "high_risk_count": 4 if few else count // 3,
                    }


def _flows() -> Iterator[Row]:
    for census in CENSUSES[-2:]:
        for week, day in enumerate(CENSUSES):
            for trust in TRUSTS:
                for place, measure in enumerate(("clock_starts", "clock_stops", "other_removals")):
                    count = 63 - 11 * place + 4 * _place(trust) + week % 5 - (census < NEWEST)
                    if trust == GREENMARSH and measure == "other_removals":
                        count = week % 4
                    if day <= census:
                        yield {
                            "census_date": census,
                            "measure_code": measure,
                            "measure_unit": "count",
                            "level": "trust",
                            "trust_sk": trust,
                            "treatment_function_code": "ALL",
                            "week_end_date": day,
                            "series_value": count,
                        }


def _capacity() -> Iterator[Row]:
    measures = ("dna", "cancelled_by_patient", "cancelled_by_provider", "overbooked", "session_cancelled", "unused")
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for place, function in enumerate(FUNCTIONS):
                for kind_place, kind in enumerate(("clinic", "theatre")):
                    for number, measure in enumerate(measures):
                        yield {
                            "census_date": census,
                            "measure_code": measure,
                            "trust_sk": trust,
                            "treatment_function_code": function,
                            "session_type": kind,
                            "event_count": 23 + 3 * number + 2 * place + 7 * kind_place + _place(trust) + week,
                            "trial_count": 311 + 13 * place + 29 * _place(trust) + 51 * kind_place + 2 * week,
                        }


def _equity() -> Iterator[Row]:
    measures = ("treated_within_18_weeks", "dna", "cancelled_by_patient", "cancelled_by_provider")
    for week, census in enumerate(CENSUSES):
        for measure_place, measure in enumerate(measures):
            for dimension, groups in EQUITY.items():
                for place, group in enumerate(groups):
                    event = 5 if (measure, group) == ("dna", "Z") else 44 + 6 * measure_place + 9 * place + week
                    yield {
                        "census_date": census,
                        "measure_code": measure,
                        "dimension": dimension,
                        "group_code": group,
                        "trial_count": 512 + 37 * place + week,
                        "event_count": event,
                        "person_count": 401 + place,
                    }


def _delays() -> Iterator[Row]:
    states = {
        "first_appointment": "Waiting for the first appointment",
        "diagnostics": "Waiting for diagnostics",
        "decision_no_date": "Decision made and no date",
        "no_next_step": "No next step recorded",
    }
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for place, (state, label) in enumerate(states.items()):
                yield {
                    "census_date": census,
                    "trust_sk": trust,
                    "treatment_function_code": "320",
                    "state_code": state,
                    "state_label": label,
                    "is_classified": True,
                    "day_count": 9013 - 1207 * place + 31 * _place(trust) + week,
                    "current_pathway_count": 93 - 14 * place + 3 * _place(trust) + week,
                }


def _cohort() -> Iterator[Row]:
    for week, census in enumerate(CENSUSES):
        for threshold in (52, 65):
            for place, watched in enumerate((date(2026, 6, 30), date(2026, 9, 30), date(2027, 3, 31))):
                for trust in TRUSTS:
                    count = 77 + 58 * place - (threshold - 52) * 2 + 6 * _place(trust) - week
                    yield {
                        "census_date": census,
                        "threshold_weeks": threshold,
                        "watch_date": watched,
                        "trust_sk": trust,
                        "treatment_function_code": "320",
                        "pathway_count": count,
                        "undated_count": count // 2,
                    }


def _queues() -> Iterator[Row]:
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for place, function in enumerate(FUNCTIONS):
                yield {
                    "census_date": census,
                    "trust_sk": trust,
                    "treatment_function_code": function,
                    "window_weeks": 10,
                    "queue_size": 203 + 41 * _place(trust) + 32 * place,
                    "start_count": 121 + 8 * place + week,
                    "departure_count": 98 + 9 * _place(trust),
                    "target_wait_weeks": 18,
                    "mean_wait_weeks": 14.5 + place + _place(trust) / 2,
                    "pressure": 1.25 + place / 4,
                }


def _support() -> Iterator[Row]:
    kinds = ("interpreters", "transport", "pre_assessment_calls", "validation_staff", "reminders")
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for place, kind in enumerate(kinds):
                yield {
                    "census_date": census,
                    "trust_sk": trust,
                    "treatment_function_code": "320",
                    "support_type": kind,
                    "lost_slot_count": 41 + 12 * place + _place(trust) + week,
                    "unfilled_slots": 20.0 + place,
                    "stops_low": 1.0,
                    "stops_central": 2.5 + place,
                    "stops_high": 6.0,
                }


def _outlook() -> Iterator[Row]:
    for census in CENSUSES:
        for trust in TRUSTS:
            for weeks in range(1, 27):
                yield {
                    "census_date": census,
                    "level": "trust",
                    "trust_sk": trust,
                    "treatment_function_code": "ALL",
                    "weeks_ahead": weeks,
                    "list_size_now": 700 + 100 * _place(trust),
                    "list_size": 700.5 + 100 * _place(trust) + weeks,
                    "within_18_weeks_rate": 0.61 + weeks / 1000,
                }


def _experience() -> Iterator[Row]:
    for census in CENSUSES[-2:]:
        for week, day in enumerate(day for day in CENSUSES if day <= census):
            for trust in TRUSTS:
                parts = []
                for place, function in enumerate(FUNCTIONS):
                    answered = 63 + 9 * place + 6 * _place(trust) + week % 4 - (census < NEWEST)
                    negative = 9 + place + week % 3
                    parts.append((answered, answered - negative - 8, negative))
                    yield _answers(census, day, "trust_function", trust, function, parts[-1])
                yield _answers(census, day, "trust", trust, "ALL", tuple(map(sum, zip(*parts, strict=True))))


def _answers(census: date, day: date, level: str, trust: int, function: str, counts: tuple[int, ...]) -> Row:
    return {
        "census_date": census,
        "level": level,
        "trust_sk": trust,
        "treatment_function_code": function,
        "week_end_date": day,
        "answered_count": counts[0],
        "positive_count": counts[1],
        "negative_count": counts[2],
        "trust_negative_count": counts[2] if level == "trust" else None,
    }


def _places() -> Iterator[Row]:
    """Each trust's patients live in three districts, of two boards; those of unknown place have no distance."""
    districts = (
        ("LS1", "QWO", 2.5, "under 5 km"),
        ("BD1", "QWO", 12.0, "10 to 20 km"),
        ("PL1", "QJK", 400.0, "20 km and over"),
        ("UNKNOWN", "UNKNOWN", None, "UNKNOWN"),
    )
    for week, census in enumerate(CENSUSES):
        for trust in TRUSTS:
            for place, (district, board, distance, band) in enumerate(districts):
                n = 103 + 20 * place + 7 * _place(trust) + week
                yield {
                    "census_date": census,
                    "level": "site_district",
                    "trust_sk": trust,
                    "treatment_function_code": "ALL",
                    "icb_code": board,
                    "site_code": TRUSTS[trust][0] + "01",
                    "postcode_district": district,
                    "known_start_count": n,
                    "over_18_weeks_count": n // 3,
                    "over_52_weeks_count": n // 9,
                    "mean_distance_km": distance,
                    "is_distance_known": distance is not None,
                    "distance_band": band,
                }


def _aid() -> Iterator[Row]:
    for census in CENSUSES:
        for trust in TRUSTS:
            for level, function, times in (
                ("pair", "ALL", 2),
                ("pair_function", "110", 1),
                ("pair_function", "320", 1),
            ):
                yield {
                    "census_date": census,
                    "level": level,
                    "trust_sk": trust,
                    "alternative_trust_sk": next(other for other in TRUSTS if other != trust),
                    "treatment_function_code": function,
                    "waiting_count": 60 * times,
                    "within_distance_count": 40 * times,
                    "spare_slot_count": 30 * times,
                    "own_waiting_count": 20 * times,
                    "could_move_count": 30 * times,
                    "placed_count": (11 + _place(trust)) * times,
                }
