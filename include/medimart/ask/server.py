"""The catalogue for assistants: a Model Context Protocol server on stdio, with what `medimart ask` does and no more.

It reads as the shared reader, answers with aggregates after disclosure control, and takes questions in words: there is
no tool for SQL, for rows or for a patient.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

from medimart.ask import answer as answering
from medimart.ask import reader
from medimart.ask.catalogue import Metric, catalogue
from medimart.ask.plan import Refusal
from medimart.errors import MedimartError
from medimart.local.warehouse import warehouse

_INSTRUCTIONS = (
    "Figures of NHS elective waiting lists: aggregates after disclosure control, nothing of any patient. Ask `answer` "
    "a question in plain words; every word must be known to the catalogue, and a refusal says what can be asked. A "
    "value that is null is hidden for its reason: do not estimate it. `sql` is what ran."
)


def serve() -> None:
    """Serve until the client closes stdin."""
    server = MCPServer("medimart", instructions=_INSTRUCTIONS, log_level="WARNING")
    annotations = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for tool in (list_metrics, describe_metric, answer):
        server.tool(annotations=annotations, structured_output=True)(tool)
    server.run("stdio")


def list_metrics() -> list[dict[str, Any]]:
    """List what can be asked: each metric's code, name, unit, meaning, and what it can be filtered and split by."""
    return answering.listed(catalogue())


def describe_metric(metric: str) -> dict[str, Any]:
    """Describe a metric by its code: its meaning, its SQL, the words for it, and what must be named with it."""
    found = catalogue()
    if metric not in found.metrics:
        return {
            "refused": {"kind": "unknown", "text": "There is no such metric.", "words": [], "can": [*found.metrics]}
        }
    return _described(found.metrics[metric])


def answer(question: str) -> dict[str, Any]:
    """Answer a question in words, for example: how many high-risk cardiology patients are over 52 weeks in March?

    Gives figures with their definition, time, notes and SQL; or `refused`, with why and what could be asked.
    """
    try:
        with warehouse() as url, reader.reading(url) as conn:
            found = asdict(answering.answer(conn, question))
    except Refusal as refusal:
        return {"refused": refusal.as_dict()}
    except MedimartError as error:
        return {"refused": {"kind": "warehouse", "text": str(error), "words": [], "can": []}}
    found["days"] = [day.isoformat() for day in found["days"]]
    for row in found["rows"]:
        row["step"] = row["step"] and row["step"].isoformat()
    return found


def _described(metric: Metric) -> dict[str, Any]:
    found = catalogue()
    dimensions = [found.dimensions[code] for code in metric.dimensions]
    return {
        "metric": metric.code,
        "name": metric.name,
        "unit": metric.unit,
        "meaning": metric.meaning,
        "sql": metric.sql,
        "mart": metric.subject.mart,
        "words": list(dict.fromkeys(w for other in found.of(metric.of) for w in (*other.words, *other.nouns))),
        "asked_with": list(metric.asked.values()),
        "needs": [found.dimensions[code].name for code in metric.needs],
        "dimensions": [{"name": one.name, "meaning": one.meaning, "words": list(one.words)} for one in dimensions],
    }
