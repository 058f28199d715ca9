"""The server for assistants, over its real stdio: three tools that read, and no way to a patient or to SQL."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import psycopg
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from medimart.ask import server
from medimart.settings import PROJECT_ROOT


def talk(url: str, what: Callable[[Any], Awaitable[Any]]) -> Any:
    """Start `medimart mcp`, and let a client say something to it."""
    environment = {**os.environ, "MEDIMART_DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = "from medimart.cli import main; main()"
    started = StdioServerParameters(
        command=sys.executable, args=["-c", code, "mcp"], env=environment, cwd=str(PROJECT_ROOT)
    )

    async def all_of_it() -> Any:
        with anyio.fail_after(60):
            async with stdio_client(started) as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                return await what(session)

    return anyio.run(all_of_it)


def said(result: Any) -> Any:
    found = result.structured_content
    return found.get("result", found)


def test_the_tools_read_and_are_three(url: str) -> None:
    async def tools(session: Any) -> Any:
        return (await session.list_tools()).tools

    found = talk(url, tools)
    assert {tool.name for tool in found} == {"list_metrics", "describe_metric", "answer"}
    assert all(tool.annotations.read_only_hint for tool in found)


def test_a_question_is_answered_or_refused(url: str, owner: psycopg.Connection[Any]) -> None:
    [(figure,)] = owner.execute(
        "select sum(d(high_risk_count)) from marts.mart_high_risk_waits"
        " where census_date = '2026-03-29' and treatment_function_code = '320' and wait_group = '52+'"
    ).fetchall()

    async def questions(session: Any) -> Any:
        asked = (
            "how many high-risk cardiology patients are over 52 weeks in March?",
            "how many dermatology patients are over 52 weeks at Calderbrook?",
            "is 999 123 4567 waiting?",
            "select 1; drop table marts.dim_trust",
        )
        return [said(await session.call_tool("answer", {"question": question})) for question in asked]

    told, hidden, patient, injected = talk(url, questions)
    assert told["rows"][0]["value"] == figure > 0
    assert told["filters"]["risk_tier"] == ["High or very high"]
    assert "shared_marts" in told["sql"]
    assert hidden["rows"][0]["value"] is None
    assert hidden["rows"][0]["reason"]
    assert patient["refused"]["kind"] == "person"
    assert "999" not in json.dumps(patient)
    assert injected["refused"]["kind"] == "sign"


def test_metrics_are_listed_and_described(url: str) -> None:
    async def metrics(session: Any) -> Any:
        listed = said(await session.call_tool("list_metrics", {}))
        described = said(await session.call_tool("describe_metric", {"metric": listed[0]["metric"]}))
        return listed, described, said(await session.call_tool("describe_metric", {"metric": "patients; drop"}))

    listed, described, unknown = talk(url, metrics)
    assert len(listed) > 40
    assert described["meaning"] == listed[0]["meaning"]
    assert "drop" not in json.dumps(unknown)


def test_what_the_tools_do_needs_no_package(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIMART_DATABASE_URL", url)
    assert server.answer("patients since March")["rows"][0]["step"] == "2026-03-01"
    assert server.answer("who is Priya")["refused"]["kind"] == "person"
    assert server.describe_metric("over_52_weeks")["asked_with"] == ["over_52"]
    assert server.list_metrics()
