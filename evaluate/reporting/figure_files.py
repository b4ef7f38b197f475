"""A figure of the page as an SVG file of its own, for a paper or a slide: light, and complete."""

import re
from importlib import resources

from markupsafe import Markup, escape

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VIEW_BOX = re.compile(r'viewBox="0 0 (\S+) (\S+)"')


def as_svg_file(drawing: Markup) -> bytes:
    """The drawing with its styles in it; colours are plain, since few programs know variables."""
    head, _, rest = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(drawing)).partition(">")
    size = _VIEW_BOX.search(head)
    if size is None:
        raise ValueError("the drawing has no view box")
    width, height = size.groups()
    head = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}"'
                        f' height="{height}"', 1)  # fmt: skip
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    style = f"<style>{escape(_styles())}</style>"
    return f"{head}>{style}{paper}{rest}\n".encode()


def _styles() -> str:
    """The charts' style sheet with the values of the light theme."""
    templates = resources.files("evaluate.reporting") / "templates"
    page = (templates / "style.css").read_text(encoding="utf-8")
    light = page[page.index(":root {") : page.index("}")]
    values = dict(re.findall(r"--([a-z-]+): ([^;]+);", light))
    charts = (templates / "charts.css").read_text(encoding="utf-8")
    return re.sub(r"var\(--([a-z-]+)\)", lambda match: values[match[1]], charts)
