"""Who may see what in Metabase: groups, and what each may do in our collections and with our databases.

Permissions are always as written here, whoever changed them: they guard patients. A person gets access by being put in
a group, so a group that isn't ours may do nothing with what is ours. What isn't ours is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from medimart.dashboards.cards import Collection
from medimart.dashboards.metabase.client import Client
from medimart.dashboards.metabase.entities import NEW, Work

GROUPS = "/api/permissions/group"
COLLECTIONS = "/api/collection/graph"
DATABASES = "/api/permissions/graph"
WHAT = {COLLECTIONS: "collections", DATABASES: "databases"}
ADMINISTRATORS = "Administrators"

Graph = dict[str, dict[str, Any]]  # group → collection or database → what it may do


def name_of(collection: Collection) -> str:
    """The name of the group of a collection's readers."""
    return f"MediMart: {collection.name}"


def group(work: Work, collection: Collection) -> int:
    """The group of a collection's readers. It is known by its name, which Metabase lets no other group bear."""
    name = name_of(collection)
    there = [one["id"] for one in work.client.get(GROUPS) if one["name"] == name]
    work.report("group", collection.id, "unchanged" if there else "created")
    if not there and work.writes:
        there = [work.client.post(GROUPS, {"name": name})["id"]]
    return int(there[0]) if there else NEW


def may_read(readers: str) -> tuple[str, ...]:
    """Whose collections and databases a group reads: a clinical group's readers see the shared ones too."""
    return ("shared", "clinical") if readers == "clinical" else ("shared",)


def of_collections(
    files: Iterable[Collection], groups: Mapping[str, int], collections: Mapping[str, int], own: Mapping[str, int]
) -> Callable[[Iterable[int]], Graph]:
    """What each group may do in our collections: read those for it, write in the one for its own work."""
    files = tuple(files)
    allowed = {
        (groups[reader.id], id_): permission
        for reader in files
        for id_, permission in (
            *((collections[one.id], "read") for one in files if one.readers in may_read(reader.readers)),
            (own[reader.id], "write"),
        )
    }
    ours = (*collections.values(), *own.values())
    return lambda everybody: {
        str(one): {str(id_): allowed.get((one, id_), "none") for id_ in ours} for one in everybody
    }


def of_databases(
    files: Iterable[Collection], groups: Mapping[str, int], databases: Mapping[str, int]
) -> Callable[[Iterable[int]], Graph]:
    """Which groups may ask questions of their own, of which database. (To read a card needs no such permission; "view
    data" is everybody's in the open-source edition, and opens nothing by itself.)
    """
    allowed = {(groups[one.id], databases[readers]) for one in files for readers in may_read(one.readers)}
    asks = {True: "query-builder-and-native", False: "no"}
    return lambda everybody: {
        str(one): {
            str(id_): {"view-data": "unrestricted", "create-queries": asks[(one, id_) in allowed]}
            for id_ in databases.values()
        }
        for one in everybody
    }


def permit(work: Work, path: str, graph: Callable[[Iterable[int]], Graph]) -> None:
    """Set what every group may do with what is ours, where it is otherwise."""
    wanted, there, revision = compared(work.client, path, graph)
    is_new = any(str(NEW) in things for things in wanted.values())
    work.report("permissions", WHAT[path], "unchanged" if there == wanted and not is_new else "changed")
    if there != wanted and work.writes:
        work.client.put(path, {"revision": revision, "groups": wanted})


def compared(client: Client, path: str, graph: Callable[[Iterable[int]], Graph]) -> tuple[Graph, Graph, int]:
    """What should be, what is, and the revision it is of. Administrators may do everything, always."""
    wanted = graph([one["id"] for one in client.get(GROUPS) if one["name"] != ADMINISTRATORS])
    found = client.get(path)
    there = {
        one: {id_: _shown(path, found["groups"].get(one, {}).get(id_)) for id_ in things}
        for one, things in wanted.items()
    }
    return wanted, there, found["revision"]


def _shown(path: str, found: Any) -> Any:
    """A permission as the graph shows it; it leaves out those that are none."""
    if path == COLLECTIONS:
        return found or "none"
    return {"view-data": "unrestricted", "create-queries": (found or {}).get("create-queries", "no")}
