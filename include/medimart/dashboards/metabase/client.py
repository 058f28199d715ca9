"""Metabase's REST API, as one account of one server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx

from medimart.errors import SettingError
from medimart.settings import Metabase

START_SECONDS = 300.0  # a first start migrates Metabase's own database
TIMEOUT = httpx.Timeout(90.0, connect=10.0)  # a card's query may take the readers' 60 seconds
SITE_NAME = "MediMart"


class NotBegun(SettingError):
    """The server is new: nobody has set it up."""


class Client:
    """An account's requests. Whatever the server refuses is a SettingError that names the endpoint and says why."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **query: Any) -> Any:
        """What is there. Raises SettingError."""
        return self._send("GET", path, params=query)

    def find(self, path: str) -> Any | None:
        """What is there; None when nothing is."""
        response = self._ask("GET", path)
        return None if response.status_code == 404 else self._answer(response)

    def post(self, path: str, body: Any = None) -> Any:
        """Make something, or ask for a query's result."""
        return self._send("POST", path, json=body if body is not None else {})

    def put(self, path: str, body: Any) -> Any:
        """Write something over. Raises SettingError."""
        return self._send("PUT", path, json=body)

    def _send(self, method: str, path: str, **what: Any) -> Any:
        return self._answer(self._ask(method, path, **what))

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **what)
        except httpx.HTTPError as error:
            raise SettingError(f"Metabase does not answer {method} {path}: {_reason(error)}.") from None

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json() if response.content else None
        _refuse(response)


class NewServer(Client):
    """What a server holds that nobody has set up: everybody's group, and nothing else. For the plan of it."""

    def __init__(self) -> None:
        super().__init__(httpx.Client())

    def get(self, path: str, **query: Any) -> Any:
        """What a list holds."""
        if path == "/api/permissions/group":
            return [{"id": 1, "name": "All Users"}]
        if path.endswith("/graph"):
            return {"revision": 0, "groups": {}}
        if path == "/api/session/properties":
            return {}
        return {"data": []} if path.endswith("/items") or path == "/api/database" else []

    def find(self, path: str) -> None:
        """Nothing."""


@contextmanager
def connected(target: Metabase, *, set_up: bool, seconds: float = START_SECONDS) -> Iterator[Client]:
    """A client that is logged in, to a server that is set up first if it is new and `set_up` says so.

    Raises NotBegun for a new server otherwise; SettingError when the account is refused or is no administrator's.
    """
    transport = httpx.HTTPTransport(retries=3)  # of connecting alone: nothing is sent twice
    with httpx.Client(base_url=target.url, timeout=TIMEOUT, transport=transport) as http:
        _wait(http, target.url, seconds)
        client = Client(http)
        properties = client.get("/api/session/properties")
        if not properties.get("has-user-setup"):
            if not set_up:
                raise NotBegun(f"The Metabase at {target.url} is new: `medimart metabase apply` sets it up.")
            client.post("/api/setup", _setup(target, str(properties.get("setup-token"))))
        if target.api_key:
            http.headers["x-api-key"] = target.api_key
        else:
            user, password = _account(target)
            session = client.post("/api/session", {"username": user, "password": password})
            http.headers["X-Metabase-Session"] = session["id"]
        yield client


def new_key(client: Client, name: str) -> str:
    """A new API key of an administrator's rights. Metabase shows it this once."""
    [admins] = [group["id"] for group in client.get("/api/permissions/group") if group["name"] == "Administrators"]
    return str(client.post("/api/api-key", {"group_id": admins, "name": name})["unmasked_key"])


def _wait(http: httpx.Client, url: str, seconds: float) -> None:
    """Wait until the server is healthy. Raises SettingError when it isn't within so many seconds."""
    ends = time.monotonic() + seconds
    while True:
        try:
            response = http.get("/api/health", timeout=5.0)
            if response.is_success:
                return
            found = f"it answers {response.status_code}"
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise SettingError(f"MEDIMART_METABASE_URL is {url!r}, which is no URL: {_reason(error)}.") from None
        except httpx.HTTPError as error:
            found = _reason(error)
        if time.monotonic() > ends:
            raise SettingError(f"No Metabase is ready at {url} ({found}): start it, or check MEDIMART_METABASE_URL.")
        time.sleep(min(2.0, seconds))


def _setup(target: Metabase, token: str) -> dict[str, Any]:
    user, password = _account(target)
    return {
        "token": token,
        "user": {"first_name": "MediMart", "last_name": "Administrator", "email": user, "password": password},
        "prefs": {"site_name": SITE_NAME, "site_locale": "en"},
    }


def _account(target: Metabase) -> tuple[str, str]:
    if not (target.user and target.password):
        raise SettingError(
            "Set MEDIMART_METABASE_USER (an e-mail address) and MEDIMART_METABASE_PASSWORD, an administrator's; "
            "a server that is set up already takes MEDIMART_METABASE_API_KEY instead."
        )
    return target.user, target.password


def _refuse(response: httpx.Response) -> NoReturn:
    request = response.request
    where = f"{request.method} {request.url.path}"
    said = _said(response)
    if request.url.path == "/api/session":
        raise SettingError(
            f"Metabase refuses the log-in: {said}. Check MEDIMART_METABASE_USER and MEDIMART_METABASE_PASSWORD."
        )
    if response.status_code in (401, 403):
        setting = "MEDIMART_METABASE_API_KEY" if "x-api-key" in request.headers else "MEDIMART_METABASE_USER"
        raise SettingError(
            f"Metabase refuses {where} ({response.status_code}): {setting} must be an administrator's, and valid."
        )
    if response.status_code == 409:
        raise SettingError(f"Somebody else is changing Metabase just now: {where} (409). Apply again.")
    raise SettingError(f"Metabase refuses {where} ({response.status_code}): {said}.")


def _said(response: httpx.Response) -> str:
    """What the server says of a refusal, in short."""
    try:
        found = response.json()
    except ValueError:
        found = response.text
    if isinstance(found, dict):
        found = found.get("errors") or found.get("message") or found
    if isinstance(found, dict):
        found = "; ".join(f"{name}: {text}" for name, text in found.items())
    return " ".join(str(found).split())[:300].rstrip(".") or "no reason given"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
