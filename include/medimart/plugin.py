"""Airflow's plugin: the pages in its navigation, and on each run's page the run's report.

Every process of Airflow loads its plugins, that of each task too, so this imports next to nothing: the application
is made in the API server, which alone asks for it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin


def _icons(path: str) -> dict[str, str]:
    """An icon for light and for dark mode, filled so that it is seen on the blue of what is chosen too."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="{}" stroke="{}" stroke-width="1.75" '
        f'stroke-linecap="round" stroke-linejoin="round"><path d="{path}"/></svg>'
    )
    light, dark = drawing.format("#fff", "#37547d"), drawing.format("none", "#dbe6f4")
    return {name: "data:image/svg+xml," + quote(icon) for name, icon in (("icon", light), ("icon_dark_mode", dark))}


SHIELD = _icons("M12 3l7 3v6c0 4-3 7-7 9-4-2-7-5-7-9V6zM9 12l2 2 4-4")
CHART = _icons("M4 4h16v16H4zM8 16v-4M12 16V8M16 16v-6")
# Addresses are relative to where Airflow itself lives, which may be under a prefix.
VIEWS = [
    {
        "name": "Data quality",
        "href": "medimart/quality/index.html",
        "url_route": "data-quality",
        "nav_top_level": True,
        **SHIELD,
    },
    {
        "name": "Dashboards",  # of the preview; a longer name is cut off
        "href": "medimart/preview/index.html",
        "url_route": "dashboards",
        "nav_top_level": True,
        **CHART,
    },
    {
        "name": "Data quality",
        "href": "medimart/quality/run/{DAG_ID}/{RUN_ID}",
        "url_route": "report",
        "destination": "dag_run",
        **SHIELD,
    },
]


class MedimartPlugin(AirflowPlugin):
    """What Airflow shows of MediMart."""

    name = "medimart"
    external_views = VIEWS

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The application and where it is mounted."""
        from medimart.pages.app import app

        return [{"app": app, "url_prefix": "/medimart", "name": "MediMart"}]
