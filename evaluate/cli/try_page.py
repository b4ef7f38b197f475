"""`segjudge try`."""

import argparse
import asyncio
import secrets
import socket
import webbrowser
from pathlib import Path

from evaluate.cli.sandboxes import NOT_ISOLATED, add_sandbox_arguments, build_arguments_of
from evaluate.cli.terminal import say, warn
from evaluate.facts.errors import Finding, UsageError

_DEMO = Path("demo-data/manifest.json")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge try`."""
    command.add_argument("submission", metavar="REF", help="image archive, reference, or folder")
    command.add_argument("image", type=Path, nargs="?", help="to begin with; the page opens others")
    command.add_argument("--beside", metavar="REF", help="a second submission, side by side")
    command.add_argument("--protocol", default="segjudge", help="built-in name, or a TOML file")
    command.add_argument("--reference", type=Path, help="the image's ground truth")
    command.add_argument("--modality", default="MR", help="of the image; CT is windowed")
    command.add_argument(
        "--data",
        type=Path,
        metavar="MANIFEST",
        help=f"whose cases are at hand (default: {_DEMO}, if it is there)",
    )
    command.add_argument("--port", type=int, default=0, help="(default: a free one)")
    command.add_argument("--no-open", action="store_true", help="do not open a browser")
    add_sandbox_arguments(command)


def call(options: argparse.Namespace) -> int:
    """Serve a page on this machine until Ctrl-C."""
    from evaluate.sandbox.choice import refuse_on_windows

    refuse_on_windows(options.sandbox)
    try:
        import uvicorn

        from evaluate.trying.page_server import page_app
        from evaluate.trying.tried import Tried
    except ImportError as error:
        raise UsageError(
            Finding(
                where="segjudge try",
                found=f"no package {error.name}",
                expected="the packages of its page",
                mend="pip install 'segjudge[try]'",
            )
        ) from error
    from data_manifest.manifest import load_manifest
    from evaluate.facts.rules import load_protocol
    from evaluate.sandbox.scratch import scratch_folder
    from evaluate.trying.answering import Answerer, Opening
    from evaluate.trying.opened_images import open_file

    rules = load_protocol(options.protocol)
    with scratch_folder() as scratch:
        data = options.data or (_DEMO if _DEMO.is_file() else None)
        cases = (load_manifest(data), data.parent) if data else None
        first = None
        if options.image:
            first = open_file(options.image, modality=options.modality, reference=options.reference)
        answerers = [
            Answerer(
                Opening(
                    reference=reference,
                    rules=rules,
                    sandbox=options.sandbox,
                    build_arguments=build_arguments_of(options.build_arg),
                    environment=dict(options.environment),
                    runtime=options.runtime,
                    cache=options.cache,
                )
            )
            for reference in filter(None, (options.submission, options.beside))
        ]
        tried = Tried(answerers=answerers, rules=rules, scratch=scratch, first=first, cases=cases)
        token = secrets.token_urlsafe(18)
        listening = socket.create_server(("127.0.0.1", options.port))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/"
        server = uvicorn.Server(
            uvicorn.Config(page_app(tried, token), log_level="error", lifespan="on", ws="none")
        )
        if options.sandbox == "local":
            warn(NOT_ISOLATED)
        say(f"page: {address} (Ctrl-C ends it; whoever has this address can use it)")
        if not options.no_open:
            webbrowser.open(address)
        try:
            asyncio.run(server.serve(sockets=[listening]))
        except KeyboardInterrupt:
            pass
        finally:
            for answerer in answerers:
                answerer.close()
    return 0
