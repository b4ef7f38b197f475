"""What the page is made of, and the policy under which a browser runs it."""

from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PAGE = resources.files("evaluate.trying") / "page"
_REPORTING = resources.files("evaluate.reporting")
_SCRIPT, _STYLE = "text/javascript", "text/css"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page_files() -> list[Route]:
    """The page, and the viewer of volumes that the report has, too."""
    return [
        Route("/", _file(_PAGE / "index.html", "text/html; charset=utf-8")),
        Route("/try.js", _file(_PAGE / "try.js", _SCRIPT)),
        Route("/try.css", _file(_PAGE / "try.css", _STYLE)),
        Route("/planes.js", _file(_REPORTING / "templates" / "planes.js", _SCRIPT)),
        Route("/planes.css", _file(_REPORTING / "templates" / "planes.css", _STYLE)),
        Route("/niivue.js", _file(_REPORTING / "niivue" / "niivue.umd.js", _SCRIPT)),
    ]


def _file(path: Traversable, media_type: str) -> Callable[[Request], Any]:
    content = path.read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return answer
