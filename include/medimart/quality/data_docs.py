"""Great Expectations' own Data Docs of a run, for those who know them, from its recorded verdicts: nothing runs again.

Unlike the report these pages load their style and scripts from the web (Bootstrap, jQuery), so they want a browser that
reaches it. They hold what the verdicts hold: no identifier.
"""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from medimart.models.manifest import load_manifest
from medimart.quality import places
from medimart.quality.suites import Check, suite

Connection = psycopg.Connection[Any]


def write(conn: Connection, run_id: str) -> Path:
    """Build the Data Docs of a run beside its page, in place of what was there; returns their first page."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    from medimart.quality import expectations  # noqa: F401 (makes ours known)

    folder = places.data_docs(run_id)
    name = folder.name  # the run's, as a folder may be called
    if folder.exists():
        shutil.rmtree(folder)
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={"medimart": site},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    manifest = load_manifest()
    for model, rows in itertools.groupby(_verdicts(conn, run_id), key=lambda row: row["model"]):
        verdicts = list(rows)
        checks = {check.id: check for check in suite(manifest[model])} if model in manifest.models else {}
        context.suites.add(
            gx.ExpectationSuite(
                name=model,
                expectations=[_configuration(row, checks.get(row["check_id"])).to_domain_obj() for row in verdicts],
            )
        )
        passed = sum(row["status"] == "passed" for row in verdicts)
        context.validation_results_store.set(
            ValidationResultIdentifier(
                expectation_suite_identifier=ExpectationSuiteIdentifier(model),
                run_id=gx.core.RunIdentifier(run_name=name, run_time=verdicts[0]["validated_at"]),
                batch_identifier=model,
            ),
            ExpectationSuiteValidationResult(
                success=passed == len(verdicts),
                suite_name=model,
                results=[_result(row, checks.get(row["check_id"])) for row in verdicts],
                statistics={
                    "evaluated_expectations": len(verdicts),
                    "successful_expectations": passed,
                    "unsuccessful_expectations": len(verdicts) - passed,
                    "success_percent": 100 * passed / len(verdicts),
                },
                meta={"run_id": {"run_name": name, "run_time": verdicts[0]["validated_at"].isoformat()}},
            ),
        )
    context.build_data_docs()
    return folder / "index.html"


def _verdicts(conn: Connection, run_id: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from quality.validation_result where run_id = %s order by model, check_id", (run_id,)
        ).fetchall()


def _configuration(row: dict[str, Any], check: Check | None) -> Any:
    """A check as Great Expectations writes it; without arguments where the suite has it no longer."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(
        type=row["expectation"],
        kwargs=dict(check.kwargs) if check else {},
        meta={"notes": f"{row['reason']} {row['action']}"},
        severity=row["severity"],
    )


def _result(row: dict[str, Any], check: Check | None) -> Any:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    broken = row["status"] == "broken"
    rows, unexpected = row["row_count"] or 0, row["unexpected_count"] or 0
    return ExpectationValidationResult(
        success=row["status"] == "passed",
        expectation_config=_configuration(row, check),
        result={
            "element_count": rows,
            "unexpected_count": unexpected,
            "unexpected_percent": 100 * unexpected / rows if rows else 0.0,
            "observed_value": row["observed_value"],
        },
        exception_info={
            "raised_exception": broken,
            "exception_message": row["detail"] if broken else None,
            "exception_traceback": None,
        },
    )
