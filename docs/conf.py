"""How Sphinx makes the site of these pages: `make docs`, then open build/docs/index.html.

Nothing here or in the pages is fetched from elsewhere, neither while building nor while reading.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import mail_proxy  # noqa: E402 - after the path that it is found on

project = "mail-proxy"
author = "the authors of mail-proxy"
copyright = "the authors of mail-proxy, Apache-2.0"  # noqa: A001 - the name Sphinx wants
version = release = mail_proxy.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples"]

myst_heading_anchors = 4
autodoc_typehints = "none"
default_role = "code"  # of docstrings: `this`
autodoc_member_order = "bysource"
add_module_names = False
# Types of Python and of other projects are named without a link: their pages are elsewhere.
nitpick_ignore_regex = [("py:.*", r"(?!mail_proxy).*")]

smartquotes = False  # --json is two hyphens
html_theme = "furo"
html_title = f"mail-proxy {version}"
html_copy_source = False
html_show_sourcelink = False


def without_making(
    _app: Sphinx, what: str, name: str, *_rest: object
) -> tuple[str, str | None] | None:
    """Leave out what errors and a client's nouns are made of: no reader makes one."""
    is_noun = what == "class" and name.startswith("mail_proxy.client.verbs.")
    return ("", None) if is_noun or what == "exception" else None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", without_making)
