"""Renders a template in the common layout to one self-contained HTML file.

A page's template begins with `{% extends "layout.html" %}` and fills the blocks `title`, `trail` (the links that lead
here) and `content`; what it may use of the style is listed at the top of `style.css`. The layout carries its style and
its script within, and a Content-Security-Policy that allows these by their hash and nothing else: no address on the
network, no inline handler, no `style=` attribute.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

PAGES = Path(__file__).parent


def render(template: Path, *, styles: Sequence[str] = (), scripts: Sequence[str] = (), **context: Any) -> str:
    """The HTML of a template file with this context; whatever the context holds is escaped.

    styles, scripts: what a page needs beyond the common style.css and page.js, as text.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, PAGES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    every_style = [(PAGES / "style.css").read_text(), *styles]
    every_script = [(PAGES / "page.js").read_text(), *scripts]
    return environment.get_template(template.name).render(
        policy=Markup(_policy(every_style, every_script)),  # noqa: S704 - ours, of hashes
        styles=[Markup(text) for text in every_style],  # noqa: S704 - ours, and must stand as it was hashed
        scripts=[Markup(text) for text in every_script],  # noqa: S704
        **context,
    )


def write(path: Path, text: str, mode: int = 0o640) -> Path:
    """Put a file in its place in one step, so that nobody reads half of it; makes its folder when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # which others may not read
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    return (
        f"default-src 'none'; style-src {_hashes(styles)}; script-src {_hashes(scripts)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
