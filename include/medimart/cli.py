"""The command `medimart`: thin functions over the package.

A command is one small function here that imports what it needs when it runs, so that `medimart --help` and
the light commands stay quick. Faults are raised as `medimart.errors`; `main` shows them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medimart.errors import for_people

if TYPE_CHECKING:
    from rich.console import Console

    from medimart.local.work import Result, Work

app = typer.Typer(
    name="medimart",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Dag(StrEnum):
    """The DAGs there are."""

    waiting_list = "waiting_list"
    rtt_publication = "rtt_publication"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write it YYYY-MM-DD.") from None


def _sunday(text: str) -> date:
    day = _day(text)
    if day.isoweekday() != 7:
        before = day - timedelta(days=day.isoweekday())
        raise typer.BadParameter(
            f"{day} is a {day:%A}; a census is a Sunday, for example {before} or {before + timedelta(days=7)}."
        )
    return day


metabase_app = typer.Typer(
    name="metabase",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(metabase_app)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Census = Annotated[
    date | None,
    typer.Option("--census", parser=_sunday, metavar="DATE", help="The Sunday the list is counted at, YYYY-MM-DD."),
]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail when they are stale.")]


@app.callback()
def medimart() -> None:
    """NHS waiting lists from weekly extracts to published marts.

    State lives in MEDIMART_HOME (.medimart beside the project), extracts in MEDIMART_LANDING (data/landing); an outside
    PostgreSQL is used when MEDIMART_DATABASE_URL is set.
    """


@app.command()
def run(
    dag: Annotated[Dag | None, typer.Argument(help="One DAG; without it both.", show_default=False)] = None,
    census: Census = None,
    file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="NHS England's monthly file, for rtt_publication."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Redo what is published already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run what has landed and is not published yet.

    Goes through the real scheduler, shows its progress, and ends with a summary. Exit code 1 when a run or a
    critical check failed.

    \b
    Example:
      medimart run
      medimart run waiting_list --census 2026-01-04
      medimart run rtt_publication --input Full-CSV-data-file-Jan26.zip
    """
    from medimart.local import work

    if file and dag is not Dag.rtt_publication:
        raise typer.BadParameter("it is for rtt_publication: medimart run rtt_publication --input FILE.")
    if census and dag is Dag.rtt_publication:
        raise typer.BadParameter("rtt_publication has no census: the file says its month.")
    with work.prepared() as conn:
        if dag is Dag.rtt_publication:
            published = (file or work.SAMPLE).resolve()
            todo = work.Work(publication=None if work.is_published(conn, published) and not again else published)
        elif census:
            todo = work.Work(work.censuses_due(conn, [census], again=again))
        else:
            todo = work.due(conn, again=again)
            todo = work.Work(todo.censuses) if dag else todo
    _carry_out(todo, as_json)


@app.command()
def backfill(
    first: Annotated[
        date | None, typer.Option("--from", parser=_sunday, metavar="DATE", help="The first census, a Sunday.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=_sunday, metavar="DATE", help="The last census, a Sunday.")
    ] = None,
    stale: Annotated[bool, typer.Option("--stale", help="The censuses whose inputs have changed since.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run censuses again: a stretch, or what is stale.

    The dates are census dates, the Sundays that lists are counted at.

    \b
    Example:
      medimart backfill --from 2026-01-04 --to 2026-01-25
      medimart backfill --stale
    """
    from medimart.local import work

    if stale == bool(first or last) or bool(first) != bool(last):
        raise typer.BadParameter("give --from and --to, or --stale.")
    if first and last and last < first:
        raise typer.BadParameter(f"--to ({last}) lies before --from ({first}).")
    with work.prepared() as conn:
        if first and last:
            weeks = [first + timedelta(days=7 * week) for week in range((last - first).days // 7 + 1)]
            censuses = work.censuses_due(conn, weeks, again=True)
        else:
            censuses = work.stale(conn)
    _carry_out(work.Work(censuses), as_json)


@app.command()
def up() -> None:
    """Start PostgreSQL and Airflow, and stay until Ctrl-C.

    \b
    Example:
      medimart up
    """
    from medimart.local.serve import serve

    serve()


@app.command()
def land(
    folder: Annotated[Path, typer.Argument(help="The folder that holds the extract's files.", show_default=False)],
    day: Annotated[
        date, typer.Option("--date", parser=_day, metavar="DATE", help="When it was extracted, YYYY-MM-DD.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of another extract of that date.")] = False,
) -> None:
    """Check an extract, and file it for the next run.

    It is checked as a run would check it, and filed in one step with its completion marker.

    \b
    Example:
      medimart land ~/Downloads/extract --date 2026-01-04
    """
    from medimart import landing
    from medimart.settings import settings

    filed = landing.file_extract(folder, day, settings().landing, replace=replace)
    for name in filed.unexpected:
        print(f"Left out, for no contract asks for it: {name}")
    if filed.is_new:
        print(f"Filed {len(filed.files)} files in {filed.folder}. Next: medimart run")
    else:
        print(f"{filed.folder} holds these very files already; nothing to do.")


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(help="Where the dated folders go.", show_default=False)],
    patients: Annotated[int, typer.Option(help="Simulated patients, over all weeks together.")] = 5000,
    weeks: Annotated[int, typer.Option(help="Extracts, one each Sunday.")] = 12,
    until: Annotated[
        date | None, typer.Option(parser=_sunday, metavar="DATE", help="The last extract, a Sunday.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number, other patients.")] = 1,
    trusts: Annotated[int, typer.Option(help="Fictional trusts.")] = 4,
    core_only: Annotated[bool, typer.Option("--core-only", help="The required columns alone.")] = False,
    changing: Annotated[float, typer.Option(help="Share of patients whose changes the weeks bring, 0 to 1.")] = 1.0,
    gzip: Annotated[list[str] | None, typer.Option(metavar="SOURCE", help="Write a source as .csv.gz.")] = None,
    plant: Annotated[
        list[str] | None, typer.Option(metavar="FAULT=N", help="Plant a fault or trap in this number.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make synthetic extracts of any size.

    No real patient, NHS numbers of the test series 999, fictional trusts; the same options give the same bytes.

    \b
    Example:
      medimart generate /tmp/landing --patients 20000 --weeks 4
      MEDIMART_LANDING=/tmp/landing medimart run
    """
    from medimart.synthetic import generate as generator
    from medimart.synthetic.options import LAST_CENSUS, Options

    options = Options(
        patients=patients,
        weeks=weeks,
        seed=seed,
        until=until or LAST_CENSUS,
        core_only=core_only,
        trusts=trusts,
        changing=changing,
        gzip=frozenset(gzip or ()),
        plant=dict(map(_fault, plant or ())),
    )
    made = generator.generate(folder, options)
    if as_json:
        _print_json(made)
    else:
        size = f"{made.size / 2**20:.1f} MB"
        print(f"{len(made.folders)} extracts in {folder}: {made.row_count:,} rows, {size}.")


def _fault(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not number.isdigit():
        raise typer.BadParameter(f"{text!r}: write it FAULT=NUMBER.")
    return name, int(number)


@app.command()
def build(
    model: Annotated[str, typer.Argument(help="The model's name, as its file's.", show_default=False)],
    census: Census = None,
    limit: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Build one model, and show its first rows.

    For whoever writes SQL: it and what it needs are built in a scratch schema from the files as they lie there, and
    what has landed is loaded first.

    \b
    Example:
      medimart build fct_waitlist --census 2026-01-04
    """
    from medimart import scratch
    from medimart.local import work

    with work.prepared() as conn:
        preview = scratch.preview(conn, model, census, limit)
    if as_json:
        rows = [dict(zip(preview.columns, row, strict=True)) for row in preview.rows]
        _print_json({"model": model, "row_count": preview.row_count, "seconds": preview.seconds, "rows": rows})
        return
    _print_table(preview.columns, preview.rows)
    print(f"{len(preview.rows)} of {preview.row_count:,} rows, built in {preview.seconds:.1f} s.")


@app.command(context_settings={"ignore_unknown_options": True})  # half of all keys begin with a minus
def explain(
    period: Annotated[int, typer.Argument(help="period_sk of marts.fct_waitlist.", show_default=False)],
    census: Census = None,
    as_json: AsJson = False,
) -> None:
    """Lead a row of the list back to its source lines.

    The census is the newest published unless another is given.

    \b
    Example:
      medimart explain 4711 --census 2026-01-04
    """
    from medimart import explain as explaining
    from medimart.local import work

    with work.prepared() as conn:
        explanation = explaining.explain(conn, period, census)
    if as_json:
        _print_json(explanation)
    else:
        explaining.show(_console(), explanation)


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.", show_default=False)] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL without running it.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List what can be asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question asked in words.

    From the catalogue of metrics (docs/metrics.md), over what shared readers see, with the definition and the SQL. A
    question with a word that isn't known is refused: exit code 1.

    \b
    Example:
      medimart ask "how many high-risk patients are over 52 weeks in March?"
      medimart ask "which trust has the highest share within 18 weeks?" --json
    """
    from medimart.ask import answer, reader
    from medimart.ask.catalogue import catalogue
    from medimart.ask.plan import Refusal
    from medimart.local.warehouse import warehouse

    if (question is None) != listed or (listed and sql):
        raise typer.BadParameter("give a question, or --list alone.")
    if question is None:
        metrics = answer.listed(catalogue())
        if as_json:
            _print_json(metrics)
        else:
            for metric in metrics:
                print(f"{metric['name']} ({metric['unit']}): by {', '.join(metric['dimensions'])}")
        return
    try:
        with warehouse() as url, reader.reading(url) as conn:
            if sql:
                at = answer.context(conn)
                print(answer.sql_of(at, answer.plan(at, question)))
                return
            found = answer.answer(conn, question)
    except Refusal as refusal:
        if not as_json:
            raise
        _print_json({"refused": refusal.as_dict()})
        raise typer.Exit(1) from None
    if as_json:
        _print_json(found)
    else:
        print(answer.text(found))


@app.command()
def mcp() -> None:
    """Serve the same questions to an assistant.

    By the Model Context Protocol, on stdin and stdout: aggregates alone, after disclosure control, read-only.

    \b
    Example:
      medimart mcp
    """
    from medimart.ask import server

    server.serve()


@app.command()
def legacy(
    census: Census = None,
    docs: Annotated[
        bool, typer.Option("--docs", help="Write docs/legacy.md and its spreadsheet anew; of synthetic patients alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hold the legacy spreadsheet's figures against the marts.

    Its Transact-SQL (legacy/) is run on the same data, and each difference is told by its reasons, down to the
    pathways. The files go to MEDIMART_HOME. The census is the newest published unless another is given.

    \b
    Example:
      medimart legacy --census 2026-04-05
    """
    from medimart.legacy import compare, report
    from medimart.local import work
    from medimart.settings import settings

    with work.prepared() as conn:
        comparison = compare.compare(conn, census)
        written = report.write(comparison, settings().home / "legacy" / str(comparison.census))
        if docs:
            written += report.write_docs(comparison)
    if as_json:
        _print_json({"census": comparison.census, "figures": report.lines(comparison), "written": written})
        return
    rows = tuple(
        (line.figure, line.legacy, line.current, line.current - line.legacy) for line in report.lines(comparison)
    )
    _print_table(("figure", "spreadsheet", "marts", "difference"), rows)
    print("\nWhy, and which pathways:")
    for path in written:
        print(f"  {path}")


@app.command(name="compile")
def compile_models(check: Check = False) -> None:
    """Write the manifest of all SQL models.

    DAGs and runs read it instead of the SQL, and refuse it when it is stale.

    \b
    Example:
      medimart compile
      medimart compile --check
    """
    from medimart.models import graph

    if check:
        graph.check_manifest()
        print("The manifest is fresh.")
    else:
        print(f"{len(graph.write_manifest().models)} models written to sql/manifest.json.")


@app.command()
def docs(check: Check = False) -> None:
    """Write the documents made from the models.

    And from the contracts of extracts, the reference data and the suites of checks.

    \b
    Example:
      medimart docs
      medimart docs --check
    """
    from medimart import documents
    from medimart.local import work

    with work.prepared() as conn:
        if check:
            documents.check(conn)
            print("The documents are fresh.")
        else:
            for path in documents.write(conn):
                print(path)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Tell what is landed, loaded, published, stale.

    And whether this machine is fit: exit code 1 when it is not.

    \b
    Example:
      medimart status
      medimart status --json | jq '.weeks[] | select(.state != "published")'
    """
    from medimart.local import overview

    found = overview.overview()
    if as_json:
        _print_json(found)
    else:
        overview.show(_console(), found)
    if not found.is_fit:
        raise typer.Exit(1)


@app.command()
def report(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run, as its page names it; without it the newest.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run there is.")] = False,
    data_docs: Annotated[
        bool,
        typer.Option(
            "--data-docs", help="Great Expectations' own pages as well; these load Bootstrap and jQuery from the web."
        ),
    ] = False,
) -> None:
    """Write the data-quality pages again.

    Every run writes its page when it ends; this makes them anew from what is recorded, and prints where they are.

    \b
    Example:
      medimart report
      medimart report waiting_list/manual__2026-01-12T06:00:00+00:00 --data-docs
      medimart report --all
    """
    from medimart.local import work
    from medimart.quality import page, places

    if every and (run_id or data_docs):
        raise typer.BadParameter("--all goes with neither a run nor --data-docs.")
    with work.prepared() as conn:
        for name in page.known(conn) if every else [page.find(conn, run_id)]:
            print(page.write(conn, name))
        print(places.index())
        if data_docs:
            from medimart.quality import data_docs as documents

            print(documents.write(conn, page.find(conn, run_id)))


@app.command()
def preview(
    clinical: Annotated[
        str | None,
        typer.Option(metavar="LOGIN", help="The clinical worklist instead, as this admitted login sees it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the dashboards as static pages.

    They need no server and load nothing from the network. Shared ones hold aggregates under disclosure control;
    clinical ones are for whoever may see the login's patients, in a folder for its owner alone.

    \b
    Example:
      medimart preview
      medimart preview --clinical ward_lead
    """
    from medimart.dashboards import preview as previewing
    from medimart.local import work

    with work.prepared() as conn:
        page = previewing.write(conn, login=clinical)
    if as_json:
        _print_json({"page": page})
    else:
        print(page)


@app.command()
def geojson(
    census: Census = None,
    folder: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Where to write. [default: pages/geojson of home]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the points of districts and sites for a map.

    Two GeoJSON files with waits and distances as shared readers see them: districts from which few wait are left out.
    Nothing is loaded from the network.

    \b
    Example:
      medimart geojson
      medimart geojson --census 2026-04-05 --to maps
    """
    from medimart.dashboards import geojson as points
    from medimart.local import work

    with work.prepared() as conn:
        files = points.write(conn, census=census, folder=folder)
    if as_json:
        _print_json({"files": files})
    else:
        print("\n".join(map(str, files)))


@app.command()
def psql(
    command: Annotated[
        str | None, typer.Option("--command", "-c", metavar="QUERY", help="Run one query and leave.")
    ] = None,
) -> None:
    """Open psql on the warehouse.

    The warehouse is started for it when it isn't up. One query at a time: -c.

    \b
    Example:
      medimart psql
      medimart psql -c "select census_date, count(*) from marts.fct_waitlist group by 1 order by 1"
    """
    from medimart.local import client

    raise typer.Exit(client.psql(command))


@metabase_app.callback()
def metabase() -> None:
    """Dashboards in Metabase, from the files in include/metabase.

    The server and its accounts are set by MEDIMART_METABASE_*: docs/deployment.md.

    \b
    Example:
      medimart metabase plan
      medimart metabase apply
    """


@metabase_app.command(name="plan")
def metabase_plan(
    overwrite: Annotated[bool, typer.Option("--overwrite", help="As if people's edits were to go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what an apply would do, and write nothing.

    \b
    Example:
      medimart metabase plan
    """
    _show_changes(plan=True, overwrite=overwrite, as_json=as_json)


@metabase_app.command(name="apply")
def metabase_apply(
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over people's edits too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring Metabase to what the files say.

    From a blank server to finished dashboards; again, only what differs is written. What people have edited is kept
    and told.

    \b
    Example:
      medimart metabase apply
      medimart metabase apply --overwrite
    """
    _show_changes(plan=False, overwrite=overwrite, as_json=as_json)


@metabase_app.command(name="check")
def metabase_check(as_json: AsJson = False) -> None:
    """Prove on the live server that all is as written.

    Each card answers with the columns it names, each dashboard shows its cards, each group may do what it should. Exit
    code 1 when something is not so.

    \b
    Example:
      medimart metabase check
    """
    from medimart.dashboards import metabase
    from medimart.local import work

    with work.prepared() as conn:
        proofs = metabase.prove(conn)
    faults = [proof for proof in proofs if proof.fault]
    if as_json:
        _print_json(proofs)
    else:
        if faults:
            _print_table(("what", "name", "fault"), tuple((one.kind, one.name, one.fault) for one in faults))
        slowest = max(proofs, key=lambda proof: proof.seconds or 0)
        print(f"{len(proofs) - len(faults)} of {len(proofs)} are as written. ", end="")
        print(f"Slowest card: {slowest.name}, {slowest.seconds or 0:.1f} s.")
    if faults:
        raise typer.Exit(1)


@metabase_app.command(name="admit")
def metabase_admit() -> None:
    """Make the two logins that Metabase asks with.

    They are those of MEDIMART_METABASE_SHARED_URL and _CLINICAL_URL: each reads what its role may, and nothing else.

    \b
    Example:
      medimart metabase admit
    """
    from medimart.dashboards import metabase
    from medimart.local import work

    with work.prepared() as conn:
        print(f"Admitted: {', '.join(metabase.admit(conn))}.")


@metabase_app.command(name="key")
def metabase_key() -> None:
    """Make an API key, and print it this once.

    With it in MEDIMART_METABASE_API_KEY nobody needs the administrator's password any more.

    \b
    Example:
      medimart metabase key
    """
    from medimart.dashboards import metabase

    print(metabase.key())


def _show_changes(*, plan: bool, overwrite: bool, as_json: bool) -> None:
    from medimart.dashboards import metabase
    from medimart.local import work

    with work.prepared() as conn:
        changes = metabase.provision(conn, plan=plan, overwrite=overwrite)
    if as_json:
        _print_json(changes)
        return
    news = [one for one in changes if one.action != "unchanged"]
    if news:
        _print_table(
            ("what", "name", "would be" if plan else "was", "why"),
            tuple((one.kind, one.name, one.action, one.detail) for one in news),
        )
    print(f"{len(changes) - len(news)} of {len(changes)} are as their files say.")


def _carry_out(todo: Work, as_json: bool) -> None:
    """Run what there is to do, if anything, and print the summary."""
    from medimart.local import work
    from medimart.summary import show, summarise

    console = _console(stderr=as_json)
    if not todo:
        with work.prepared() as conn:
            summary = summarise(conn)
        if as_json:
            _print_json({"runs": [], "summary": summary, "is_good": True})
            return
        print("Nothing new: every landed week is published. --again redoes them.\n")
        show(console, summary)
        return
    result = work.carry_out(todo, console=console, say=lambda text: print(text, file=console.file, flush=True))
    preview_page = _written_preview()
    if as_json:
        runs = [
            {"run": one.label, "state": one.state, "seconds": one.seconds, "reason": one.reason}
            for one in result.outcomes
        ]
        _print_json({"runs": runs, "stages": result.stages, "summary": result.summary, "is_good": result.is_good})
    else:
        _show_result(console, result, preview_page)
    if not result.is_good:
        raise typer.Exit(1)


def _written_preview() -> Path | str:
    """Write the shared dashboards' pages; the one to open, or why there are none."""
    from medimart.dashboards import preview as previewing
    from medimart.local import work

    try:
        with work.prepared() as conn:
            return previewing.write(conn)
    except Exception as error:  # the run is over and stands, whatever comes of its pictures
        if (text := for_people(error)) is None:
            raise
        return f"No preview of the dashboards: {text}"


def open_page(page: Path) -> None:
    """Open a page for whoever sits at this terminal; nothing happens where there is no screen to show it on."""
    import webbrowser

    has_screen = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.stdout.isatty() and has_screen:
        webbrowser.open(page.as_uri())


def _show_result(console: Console, result: Result, preview_page: Path | str) -> None:
    from medimart.quality import places
    from medimart.settings import settings
    from medimart.summary import show

    print()
    show(console, result.summary)
    print()
    stages = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.stages.items())
    good = sum(outcome.state == "success" for outcome in result.outcomes)
    print(f"{good} of {len(result.outcomes)} runs published. Work by stage, all runs together: {stages or 'none'}.")
    for outcome in result.outcomes:
        if outcome.reason:
            print(f"{outcome.label} {outcome.state} at {outcome.reason.task_id}: {outcome.reason.text}")
    print(
        "\nWhere to look next\n"
        "  medimart up                    Airflow's UI: runs, tasks, logs\n"
        "  medimart psql                  the marts: \\d marts.*\n"
        "  medimart explain PERIOD_SK     a row of the list back to its source lines\n"
        f"  {places.index()}\n"
        f"  {preview_page}\n"
        f"  {settings().home / 'airflow' / 'logs'}"
    )
    if isinstance(preview_page, Path):
        open_page(preview_page)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = 120
    return console


def _print_table(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> None:
    """Rows as psql prints them: whole values, one row a line, however wide."""
    texts = [["" if value is None else str(value) for value in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for number, row in enumerate(texts):
        print(" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("-+-".join("-" * width for width in widths))


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


def main() -> None:
    """Run the command line: exit code 0 when all went well, 1 for a fault, 2 for a wrong usage, 130 for
    Ctrl-C, 143 for SIGTERM. A fault is one clear message; MEDIMART_DEBUG=1 shows where it came from."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        app()
    except Exception as error:
        text = for_people(error)
        if text is None or os.environ.get("MEDIMART_DEBUG"):
            raise
        print(f"medimart: {text}", file=sys.stderr)
        sys.exit(1)


def _end(number: int, _frame: Any) -> None:
    """Turn a signal into an exit, so that everything that was started is stopped on the way out."""
    sys.exit(128 + number)
