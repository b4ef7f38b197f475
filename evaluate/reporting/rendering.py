"""Templates to pages: everything is escaped, and style and script are in the page, by hash."""

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from evaluate.reporting.quantities import clipped, count_of


def render(
    template: str,
    *,
    styles: tuple[str, ...] = ("style.css", "charts.css"),
    scripts: tuple[str, ...] = ("theme.js", "script.js"),
    **context: object,
) -> str:
    """A page from one of our templates, with our style sheets and scripts in it.

    Text in what it shows is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluate.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clipped"] = clipped
    environment.globals["count_of"] = count_of
    templates = resources.files("evaluate.reporting") / "templates"
    own: dict[str, str] = {}
    for name, files in (("style", styles), ("script", scripts)):
        source = "".join((templates / file).read_text(encoding="utf-8") for file in files)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")
        # Ours, not a participant's; the page's policy runs nothing but these, by their hash.
        own[name] = Markup(source)  # noqa: S704
        own[f"{name}_hash"] = f"sha256-{digest}"
    return environment.get_template(template).render(**context, **own)
