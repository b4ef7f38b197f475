"""The page of `segjudge try`, served by the tests' own process: what has no say in it stays out."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from evaluate.facts.rules import load_protocol
from evaluate.sandbox.scratch import scratch_folder
from evaluate.trying.answering import Answerer, Opening
from evaluate.trying.opened_images import open_file
from evaluate.trying.page_server import page_app
from evaluate.trying.tried import Tried


@contextmanager
def serving(
    *submissions: Path,
    image: Path | None = None,
    reference: Path | None = None,
    protocol: str = "segjudge",
    sandbox: str = "local",
) -> Iterator[str]:
    """The page's address, while it is served."""
    rules = load_protocol(protocol)
    environment = dict(os.environ)
    answerers = [
        Answerer(
            Opening(
                reference=str(each), rules=rules, sandbox=sandbox,
                build_arguments={}, environment=environment,
            )
        )
        for each in submissions
    ]  # fmt: skip
    first = open_file(image, modality="MR", reference=reference) if image else None
    with scratch_folder() as scratch, socket.create_server(("127.0.0.1", 0)) as listening:
        tried = Tried(answerers=answerers, rules=rules, scratch=scratch, first=first)
        server = uvicorn.Server(
            uvicorn.Config(page_app(tried, "token"), log_level="error", lifespan="on")
        )
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/token/"
        finally:
            server.should_exit = True
            thread.join(timeout=60)
