"""A stand-in for a Metabase server: real HTTP on localhost, with the state and the habits that provisioning depends on.

It refuses, and remembers, whatever the contract `metabase-openapi.json` does not allow: endpoints, query parameters and
bodies. What it knows of the warehouse it reads there as the login it was given, and cards are asked there too.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from jsonschema import Draft202012Validator
from psycopg import sql

EVERYBODY, ADMINISTRATORS = 1, 2
MASKED = "**MetabasePass**"
Entity = dict[str, Any]


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(status, said)
        self.status, self.said = status, said


class Died(Exception):
    """The connection breaks after the write was done and before it is answered."""


@dataclass
class StandIn:
    """The server's state.

    stages: shows queries in stages with a list of template tags, as newer servers do, and not as a map. writes: what
    was written. refused: what the contract does not allow. dies_at: the number of the write after which it breaks off.
    """

    contract: Entity
    stages: bool = False
    has_email: bool = True
    dies_at: int | None = None
    token: str | None = field(default_factory=lambda: secrets.token_hex(8))
    users: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=lambda: {EVERYBODY: "All Users", ADMINISTRATORS: "Administrators"})
    databases: dict[int, Entity] = field(default_factory=dict)
    fields: dict[int, dict[tuple[str, str, str], Entity]] = field(default_factory=dict)
    collections: dict[int, Entity] = field(default_factory=dict)
    cards: dict[int, Entity] = field(default_factory=dict)
    dashboards: dict[int, Entity] = field(default_factory=dict)
    pulses: list[Entity] = field(default_factory=list)
    notifications: list[Entity] = field(default_factory=list)
    may_read: dict[int, dict[str, str]] = field(default_factory=lambda: {EVERYBODY: {"root": "write"}})
    may_ask: dict[int, dict[str, Entity]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=lambda: {"collections": 7, "databases": 3})
    writes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    numbers: int = 10

    def number(self) -> int:
        """The next number."""
        self.numbers += 1
        return self.numbers

    def answer(self, method: str, url: str, headers: Any, body: Any) -> Any:
        """Answer one request. Raises Refused."""
        parts = urlsplit(url)
        template, numbers, operation = self._operation(method, parts.path)
        self._by_contract(f"{method} {parts.path}", operation, dict(parse_qsl(parts.query)), body)
        if operation["security"] and not (
            headers.get("X-Metabase-Session") in self.sessions or headers.get("x-api-key") in self.keys
        ):
            raise Refused(401, "Unauthenticated")
        handler: Callable[..., Any] = getattr(self, f"{method}_{_name(template)}".lower())
        bodies = [body] if "requestBody" in operation else []
        given = copy.deepcopy(handler(*numbers, *bodies, **dict(parse_qsl(parts.query))))
        if method != "GET" and not parts.path.endswith(("/query", "/api/session")):
            self.writes.append(f"{method} {parts.path}")
            if self.dies_at == len(self.writes):
                raise Died
        return given

    def _operation(self, method: str, path: str) -> tuple[str, list[Any], Entity]:
        for template, operations in sorted(self.contract["paths"].items(), key=lambda item: "{" in item[0]):
            found = re.fullmatch(re.sub(r"\{\w+\}", r"([^/]+)", template), path)
            if found and method.lower() in operations:
                numbers = [int(part) if part.isdigit() else part for part in found.groups()]
                return template, numbers, operations[method.lower()]
        self.refused.append(f"{method} {path}: unknown")
        raise Refused(404, "API endpoint does not exist.")

    def _by_contract(self, where: str, operation: Entity, query: dict[str, str], body: Any) -> None:
        faults = [f"unknown query {name}" for name in query.keys() - {p["name"] for p in operation["parameters"]}]
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for error in Draft202012Validator(schema).iter_errors(body):
                faults.append(f"{'.'.join(map(str, error.path))}: {error.message[:200]}")
        if faults:
            self.refused.append(f"{where}: {'; '.join(faults)}")
            raise Refused(400, {"errors": {"body": "; ".join(faults)}})

    # Set-up and accounts

    def get_health(self) -> Entity:
        return {"status": "ok"}

    def get_session_properties(self) -> Entity:
        is_set_up = self.token is None
        return {"has-user-setup": is_set_up, "setup-token": self.token, "email-configured?": self.has_email}

    def post_setup(self, body: Entity) -> Entity:
        if self.token is None or body["token"] != self.token:
            raise Refused(403, "The /api/setup route can only be used to create the first user.")
        self.token = None
        self.users[body["user"]["email"]] = body["user"]["password"]
        return {"id": self._session()}

    def post_session(self, body: Entity) -> Entity:
        if self.users.get(body["username"]) != body["password"]:
            raise Refused(401, {"errors": {"password": "did not match stored password"}})
        return {"id": self._session()}

    def _session(self) -> str:
        session = secrets.token_hex(8)
        self.sessions.add(session)
        return session

    def get_api_key(self) -> list[Entity]:
        return [{"name": name} for name in self.keys.values()]

    def post_api_key(self, body: Entity) -> Entity:
        key = f"mb_{secrets.token_hex(8)}"
        self.keys[key] = body["name"]
        return {"id": self.number(), "unmasked_key": key}

    # Databases

    def get_database(self, number: int | None = None) -> Entity:
        shown = [{**one, "details": {**one["details"], "password": MASKED}} for one in self.databases.values()]
        return {"data": shown, "total": len(shown)} if number is None else _one(shown, number)

    def post_database(self, body: Entity) -> Entity:
        number = self.number()
        self.databases[number] = {**body, "id": number, "created_at": f"2026-01-01T00:00:{number}Z"}
        self.fields[number] = {}
        asks = {"view-data": "unrestricted", "create-queries": "query-builder-and-native"}
        self.may_ask.setdefault(EVERYBODY, {})[str(number)] = asks
        return self.databases[number]

    def put_database(self, number: int, body: Entity) -> Entity:
        before = self.databases[number]
        if body["details"].get("password") == MASKED:
            body["details"]["password"] = before["details"]["password"]
        before.update(body)
        return before

    def connection(self, number: int) -> psycopg.Connection[Any]:
        """A connection to the warehouse, as Metabase makes it."""
        details = self.databases[number]["details"]
        return psycopg.connect(**{name: details[name] for name in ("host", "port", "dbname", "user", "password")})

    def post_database_sync_schema(self, number: int) -> Entity:
        schemas = self.databases[number]["details"]["schema-filters-patterns"].split(",")
        with self.connection(number) as conn:
            seen = conn.execute(
                "select table_schema, table_name, column_name from information_schema.columns "
                "where table_schema = any(%s)",
                (schemas,),
            ).fetchall()
        for column in seen:
            if column not in self.fields[number]:
                self.fields[number][column] = {
                    "id": self.number(), "name": column[2], "has_field_values": "auto-list",
                }  # fmt: skip
        return {"status": "ok"}

    def get_database_metadata(self, number: int) -> Entity:
        tables: dict[tuple[str, str], list[Entity]] = {}
        for (schema, table, _), column in self.fields[number].items():
            tables.setdefault((schema, table), []).append(column)
        return {"tables": [{"schema": at[0], "name": at[1], "fields": fields} for at, fields in tables.items()]}

    def put_field(self, number: int, body: Entity) -> Entity:
        [found] = [one for fields in self.fields.values() for one in fields.values() if one["id"] == number]
        found.update(body)
        return found

    # Groups and permissions

    def get_permissions_group(self) -> list[Entity]:
        return [{"id": number, "name": name} for number, name in self.groups.items()]

    def post_permissions_group(self, body: Entity) -> Entity:
        if body["name"] in self.groups.values():
            raise Refused(400, {"errors": {"name": "A group with that name already exists."}})
        number = self.number()
        self.groups[number] = body["name"]
        return {"id": number, "name": body["name"]}

    def get_collection_graph(self) -> Entity:
        return {"revision": self.revisions["collections"], "groups": _graph(self.may_read)}

    def put_collection_graph(self, body: Entity) -> Entity:
        self._revise("collections", body["revision"])
        for group, may in body["groups"].items():
            for collection, permission in may.items():
                if collection != "root" and int(collection) not in self.collections:
                    raise Refused(400, "no such collection")
                self.may_read.setdefault(int(group), {})[collection] = permission
        return self.get_collection_graph()

    def get_permissions_graph(self) -> Entity:
        return {"revision": self.revisions["databases"], "groups": _graph(self.may_ask)}

    def put_permissions_graph(self, body: Entity) -> Entity:
        self._revise("databases", body["revision"])
        for group, may in body["groups"].items():
            self.may_ask.setdefault(int(group), {}).update(may)
        return self.get_permissions_graph()

    def _revise(self, graph: str, revision: int) -> None:
        if revision != self.revisions[graph]:
            raise Refused(409, "Looks like someone else edited the permissions and your data is out of date.")
        self.revisions[graph] += 1

    # Collections

    def get_collection(self, number: int | None = None) -> Any:
        if number is not None:
            return _one(self.collections.values(), number)
        return [{"id": "root", "name": "Our analytics"}, *_there(self.collections)]

    def post_collection(self, body: Entity) -> Entity:
        number, parent = self.number(), body.get("parent_id")
        above = _one(self.collections.values(), parent)["location"] + f"{parent}/" if parent else "/"
        self.collections[number] = _marked(number, name=body["name"], description=body["description"], location=above)
        for may in self.may_read.values():  # what is new is open to whom its parent is
            may[str(number)] = may.get(str(parent or "root"), "none")
        return self.collections[number]

    def put_collection(self, number: int, body: Entity) -> Entity:
        found = _one(self.collections.values(), number)
        found.update({name: value for name, value in body.items() if name != "parent_id"})
        return found

    def get_collection_items(self, number: int, models: str = "", limit: str = "", offset: str = "") -> Entity:
        there = {"card": self.cards, "dashboard": self.dashboards}[models]
        items = [one for one in _there(there) if one["collection_id"] == number]
        data = [{"id": one["id"], "name": one["name"], "model": models} for one in items]
        return {"data": data[: int(limit)], "total": len(data)}

    # Cards

    def get_card(self, number: int | None = None, f: str = "") -> Any:
        return [self._shown(one) for one in _there(self.cards)] if number is None else self._shown(
            _one(self.cards.values(), number)
        )  # fmt: skip

    def post_card(self, body: Entity) -> Entity:
        number = self.number()
        self._check_card(body)
        self.cards[number] = {**_marked(number), "parameters": [], **body}
        return self._shown(self.cards[number])

    def put_card(self, number: int, body: Entity) -> Entity:
        found = _one(self.cards.values(), number)
        self._check_card({**found, **body})
        found.update(body)
        return self._shown(found)

    def post_card_query(self, number: int, body: Entity) -> Entity:
        query = _one(self.cards.values(), number)["dataset_query"]
        text = self._filtered(query, {one["target"][1][1]: one for one in body.get("parameters") or ()})
        with self.connection(query["database"]) as conn:
            try:
                cursor = conn.execute(text)
            except psycopg.Error as error:
                return {"status": "failed", "error": str(error)}
            columns = [{"name": column.name} for column in cursor.description or ()]
            return {"status": "completed", "data": {"cols": columns, "rows": [list(map(str, r)) for r in cursor]}}

    def _filtered(self, query: Entity, chosen: dict[str, Entity]) -> sql.Composed:
        """A card's SQL as Metabase sends it: clauses of filters that are set stay, with a test of the column."""
        tags, columns = query["native"]["template-tags"], self.fields[query["database"]]
        parts: list[sql.Composable] = []
        for place, part in enumerate(re.split(r"\[\[(.*?)\]\]", query["native"]["query"], flags=re.DOTALL)):
            if place % 2 == 0:
                parts.append(sql.SQL(part))  # type: ignore[arg-type]
                continue
            before, name, after = re.split(r"\{\{\s*(\w+)\s*\}\}", part)
            if name not in chosen:
                continue
            [at] = [at for at, one in columns.items() if one["id"] == tags[name]["dimension"][1]]
            value, kind = chosen[name]["value"], chosen[name]["type"]
            if kind != tags[name]["widget-type"] or isinstance(value, list) != (kind == "string/="):
                raise Refused(400, {"errors": {"parameters": f"{name}: {kind} of {value!r}"}})
            values = sql.SQL(", ").join(map(sql.Literal, value if isinstance(value, list) else [value]))
            test = sql.SQL("{} in ({})").format(sql.Identifier(*at), values)
            parts += [sql.SQL(before), test, sql.SQL(after)]  # type: ignore[arg-type]
        return sql.Composed(parts)

    def _check_card(self, card: Entity) -> None:
        query = card["dataset_query"]
        tags, known = query["native"]["template-tags"], self.fields.get(query["database"], {})
        named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query["native"]["query"]))
        numbers = {tag["dimension"][1] for tag in tags.values()}
        if named != tags.keys() or not numbers <= {one["id"] for one in known.values()}:
            raise Refused(400, {"errors": {"dataset_query": f"tags {sorted(named)} are not those given"}})
        _one(self.collections.values(), card["collection_id"])

    def _shown(self, card: Entity) -> Entity:
        if not self.stages:
            return card
        query = card["dataset_query"]
        tags = [
            {**tag, "dimension": ["field", {"lib/uuid": secrets.token_hex(4)}, tag["dimension"][1]]}
            for tag in query["native"]["template-tags"].values()
        ]
        stage = {"lib/type": "mbql.stage/native", "native": query["native"]["query"], "template-tags": tags}
        return {
            **card,
            "dataset_query": {"lib/type": "mbql/query", "database": query["database"], "stages": [stage]},
        }

    # Dashboards

    def get_dashboard(self, number: int) -> Entity:
        return _one(self.dashboards.values(), number)

    def post_dashboard(self, body: Entity) -> Entity:
        number = self.number()
        _one(self.collections.values(), body["collection_id"])
        empty = {"dashcards": [], "tabs": [], "parameters": [], "width": "fixed"}
        self.dashboards[number] = {**_marked(number), **empty, **body}
        return self.dashboards[number]

    def put_dashboard(self, number: int, body: Entity) -> Entity:
        """Tabs and cards are replaced by those given; what is not given is no longer there."""
        found = _one(self.dashboards.values(), number)
        if "dashcards" in body:
            known = {tab["id"] for tab in found["tabs"]}
            if strange := [tab["id"] for tab in body["tabs"] if tab["id"] > 0 and tab["id"] not in known]:
                raise Refused(400, {"errors": {"tabs": f"{strange} are not of this dashboard"}})
            numbers = {tab["id"]: tab["id"] if tab["id"] > 0 else self.number() for tab in body["tabs"]}
            body["tabs"] = [
                {**tab, "id": numbers[tab["id"]], "dashboard_id": number, "position": place}
                for place, tab in enumerate(body["tabs"])
            ]
            body["dashcards"] = [self._placed(found, one, numbers) for one in body["dashcards"]]
        found.update(body)
        return found

    def _placed(self, dashboard: Entity, one: Entity, tabs: dict[int, int]) -> Entity:
        if one["col"] + one["size_x"] > 24:
            raise Refused(400, {"errors": {"dashcards": "beyond the grid's 24 columns"}})
        if one["id"] > 0 and one["id"] not in {other["id"] for other in dashboard["dashcards"]}:
            raise Refused(400, {"errors": {"dashcards": f"{one['id']} is on no dashboard"}})
        if one["card_id"] is not None:
            _one(self.cards.values(), one["card_id"])
        tab = one.get("dashboard_tab_id")
        if (tabs and tab not in tabs) or (not tabs and tab is not None):
            raise Refused(400, {"errors": {"dashcards": "with tabs every card names its tab"}})
        if self.stages:
            for mapping in one["parameter_mappings"]:
                mapping["target"].append({"stage-number": 0})
        return {**one, "id": one["id"] if one["id"] > 0 else self.number(), "dashboard_tab_id": tabs.get(tab)}

    # What sends e-mail

    def get_pulse(self, dashboard_id: str) -> list[Entity]:
        return [one for one in self.pulses if one["dashboard_id"] == int(dashboard_id)]

    def post_pulse(self, body: Entity) -> Entity:
        placed = {
            one["id"]: one["card_id"] for one in _one(self.dashboards.values(), body["dashboard_id"])["dashcards"]
        }
        for card in body["cards"]:
            if placed.get(card["dashboard_card_id"]) != card["id"]:
                raise Refused(400, {"errors": {"cards": "the dashboard does not show it there"}})
        self.pulses.append({**body, "id": self.number(), "entity_id": _mark()})
        return self.pulses[-1]

    def get_notification(self, card_id: str) -> list[Entity]:
        return [one for one in self.notifications if one["payload"]["card_id"] == int(card_id)]

    def post_notification(self, body: Entity) -> Entity:
        _one(self.cards.values(), body["payload"]["card_id"])
        self.notifications.append({**body, "id": self.number()})
        return self.notifications[-1]


def _name(template: str) -> str:
    """/api/card/{id}/query → card_query."""
    return "_".join(re.findall(r"[a-z-]+", re.sub(r"\{\w+\}", "", template.removeprefix("/api")))).replace("-", "_")


def _one(entities: Any, number: int) -> Entity:
    for one in entities:
        if one["id"] == number:
            found: Entity = one
            return found
    raise Refused(404, "Not found.")


def _there(entities: dict[int, Entity]) -> list[Entity]:
    return [one for one in entities.values() if not one["archived"]]


def _mark() -> str:
    return secrets.token_urlsafe(16)[:21]


def _marked(number: int, **more: Any) -> Entity:
    return {"id": number, "entity_id": _mark(), "archived": False, **more}


def _graph(may: dict[int, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Permissions as they are shown: those that are none are left out."""
    return {
        str(group): {one: permission for one, permission in things.items() if permission != "none"}
        for group, things in may.items()
    }


class Serving:
    """The stand-in on a port of localhost."""

    def __init__(self, state: StandIn) -> None:
        self.state = state
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else each answer waits 40 ms for an acknowledgement

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                try:
                    with lock:
                        status, said = 200, state.answer(self.command, self.path, self.headers, body)
                except Refused as refusal:
                    status, said = refusal.status, refusal.said
                except Died:
                    self.close_connection = True
                    return
                answer = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = _handle

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
