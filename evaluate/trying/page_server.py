"""The page's server: on this machine alone, for whoever has the token of its address."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from data_manifest.manifest import MODALITIES
from data_manifest.prompts import Prompts, WrongPromptsError
from data_manifest.prompts.drawings import GESTURES, Drawing, kinds_to_draw, prompts_drawn
from evaluate.facts.errors import SegjudgeError
from evaluate.facts.outcome import Outcome
from evaluate.reporting.failures import OUTCOME_WORDS
from evaluate.trying.answering import Answer, Question
from evaluate.trying.opened_images import OpenedImage, open_case
from evaluate.trying.page_files import page_files
from evaluate.trying.received_files import received_image
from evaluate.trying.scores_of_answer import saved_as, scores_of
from evaluate.trying.tried import Tried, TriedAnswer

_OUR_FAULT = "an error of segjudge's own; the terminal tells more. The next try works"


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page sends with *Segment*."""

    image: int
    submission: int = 0
    drawings: tuple[Drawing, ...] = ()
    round: int = 0
    previous: int | None = None
    stored: bool = False


def page_app(tried: Tried, token: str) -> Starlette:
    """The page and what it asks for, below an address that only its reader knows."""
    api = _Api(tried)
    routes = [
        *page_files(),
        Route("/api/start", api.start),
        Route("/api/open", api.open, methods=["POST"]),
        Route("/api/pixels/{image:int}", api.pixels),
        Route("/api/truth/{image:int}", api.truth),
        Route("/api/segment", api.segment, methods=["POST"]),
        Route("/api/attempt/{attempt:int}", api.attempt),
        Route("/api/cancel/{attempt:int}", api.cancel, methods=["POST"]),
        Route("/api/mask/{attempt:int}", api.mask),
        Route("/api/save/{attempt:int}/{what}", api.save),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        for answerer in tried.answerers:
            await asyncio.to_thread(answerer.close)

    return Starlette(
        routes=[Mount(f"/{token}", routes=routes)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={
            SegjudgeError: _refused,
            WrongPromptsError: _wrong_prompts,
            msgspec.MsgspecError: _refused,
            HTTPException: _unknown,
            Exception: _our_fault,
        },
        lifespan=lifespan,
    )


def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"problem": str(error)}, status_code=422)


def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for these
    return JSONResponse({"problem": error.detail}, status_code=error.status_code)


def _our_fault(_: Request, error: Exception) -> Response:
    del error  # the server prints it
    return JSONResponse({"problem": _OUR_FAULT}, status_code=500)


def _wrong_prompts(_: Request, error: Exception) -> Response:
    assert isinstance(error, WrongPromptsError)  # noqa: S101  # it is registered for these
    text = f"the prompts: found {error.found}; expected {error.expected}"
    return JSONResponse({"problem": text}, status_code=422)


def _pixels(array: np.ndarray[Any, Any]) -> Response:
    """Little-endian, in C order."""
    data = np.ascontiguousarray(array)
    return Response(data.tobytes(), media_type="application/octet-stream")


class _Api:
    """The answers to the page's questions."""

    def __init__(self, tried: Tried) -> None:
        self._tried = tried

    async def start(self, _: Request) -> Response:
        """What there is: submissions, tools, cases at hand, the image to begin with."""
        tried, rules = self._tried, self._tried.rules
        asked = [*rules.prompts, *([rules.rounds.first_needs] if rules.rounds.first_needs else [])]
        kinds = kinds_to_draw(asked, rules.rounds.prompts)
        manifest = tried.cases[0] if tried.cases else None
        return JSONResponse(
            {
                "protocol": f"{rules.name} {rules.version}",
                "rounds": rules.rounds.number,
                "timeout_s": rules.limits.timeout_s,
                "submissions": [answerer.reference for answerer in tried.answerers],
                "kinds": [{"kind": kind, "gesture": GESTURES[kind]} for kind in kinds],
                "modalities": MODALITIES,
                "cases": [case.id for case in manifest.cases] if manifest else [],
                "image": self._told(next(reversed(tried.images))) if tried.images else None,
            }
        )

    def _told(self, number: int) -> dict[str, object]:
        opened = self._tried.images[number]
        return {
            "image": number,
            "name": opened.name,
            "modality": opened.modality,
            "shape": opened.image.shape,
            "axes": opened.axes,
            "spacing_mm": opened.spacing_mm,
            "affine": None if opened.affine is None else opened.affine.tolist(),
            "has_reference": opened.reference is not None,
            "stored": [prompts.kind for prompts in opened.stored],
            # What is drawn of them, by slice.
            "shapes": [
                msgspec.to_builtins([s for prompts in opened.stored for s in prompts.shapes(index)])
                for index in range(opened.shape[0] if opened.axes == 3 else 1)
            ]
            if opened.stored
            else [],
            "notes": opened.notes,
        }

    async def open(self, request: Request) -> Response:
        """A case at hand by its name, or files that the page sends."""
        tried = self._tried
        if "case" in request.query_params:
            if tried.cases is None:
                raise HTTPException(404)
            opened = await asyncio.to_thread(open_case, *tried.cases, request.query_params["case"])
        else:
            opened = await received_image(request, tried.scratch)
        return JSONResponse(self._told(tried.add(tried.images, opened)))

    async def pixels(self, request: Request) -> Response:
        """The image, uint8."""
        return _pixels(self._image(request.path_params["image"]).image)

    async def truth(self, request: Request) -> Response:
        """The reference, uint16."""
        reference = self._image(request.path_params["image"]).reference
        if reference is None:
            raise HTTPException(404)
        return _pixels(reference.astype("<u2"))

    def _image(self, number: int) -> OpenedImage:
        if number not in self._tried.images:
            raise HTTPException(404, "this image is no longer open; open it again")
        return self._tried.images[number]

    async def segment(self, request: Request) -> Response:
        """Begin an attempt; the page then asks how it goes."""
        tried = self._tried
        asked = msgspec.json.decode(await request.body(), type=_Asked)
        opened = self._image(asked.image)
        prompts: tuple[Prompts, ...] = opened.stored if asked.stored else ()
        if asked.drawings:
            prompts = (*prompts, *self._drawn(asked, opened))
        labels = max([len(p) for p in prompts], default=1)
        previous = None
        if tried.rules.rounds.previous and asked.round:
            before = tried.attempts.get(asked.previous or 0)
            known = before.answer.labels if before and before.answer else None
            previous = np.zeros(opened.shape, np.uint8) if known is None else known
        inputs = opened.inputs(prompts, previous)
        if opened.reference is not None:
            labels = max(labels, int(opened.reference.max()))
        question = Question(case=opened.case(labels), inputs=inputs, round=asked.round)
        if refusal := tried.rules.layout.refusal(question.case):
            raise WrongPromptsError(f"an image that {refusal}", f"one for {tried.rules.name}")
        attempt = TriedAnswer(opened=opened, inputs=inputs)
        number = tried.add(tried.attempts, attempt)
        answerer = tried.answerers[min(asked.submission, len(tried.answerers) - 1)]

        def work() -> None:
            answer = Answer(reason=_OUR_FAULT)
            try:
                answer = answerer.ask(question, attempt.ended)
                attempt.scores = scores_of(answer, opened, inputs, tried.rules)
            finally:
                attempt.answer = answer  # whatever happened: the page waits for one

        threading.Thread(target=work, daemon=True).start()
        return JSONResponse({"attempt": number})

    def _drawn(self, asked: _Asked, opened: OpenedImage) -> list[Prompts]:
        kinds = sorted({drawing.kind for drawing in asked.drawings})
        if unknown := set(kinds) - set(GESTURES):
            raise WrongPromptsError(f"prompts of kind {min(unknown)!r}", ", ".join(GESTURES))
        return [
            prompts_drawn(kind, [d for d in asked.drawings if d.kind == kind], opened.shape)
            for kind in kinds
        ]

    async def attempt(self, request: Request) -> Response:
        """How an attempt goes."""
        attempt = self._tried.attempts.get(request.path_params["attempt"])
        if attempt is None:
            raise HTTPException(404)
        answer = attempt.answer
        if answer is None:
            return JSONResponse({"done": False, "since_s": time.monotonic() - attempt.started})
        ok = answer.outcome is Outcome.OK
        return JSONResponse(
            {
                "done": True,
                "ok": ok,
                "outcome": str(answer.outcome or "none"),
                "words": OUTCOME_WORDS.get(answer.outcome, "") if answer.outcome else "no answer",
                "reason": answer.reason,
                "wall_s": answer.wall_s,
                "cpu_s": answer.cpu_s,
                "peak_memory_mib": answer.peak_memory_mib,
                "log": answer.log,
                "scores": attempt.scores,
                "has_mask": answer.labels is not None,
            }
        )

    async def cancel(self, request: Request) -> Response:
        """End an attempt; those of another tab go on."""
        attempt = self._tried.attempts.get(request.path_params["attempt"])
        if attempt is not None:
            attempt.ended.set()
        return JSONResponse({})

    def _answered(self, request: Request) -> tuple[TriedAnswer, Answer]:
        attempt = self._tried.attempts.get(request.path_params["attempt"])
        if attempt is None or attempt.answer is None:
            raise HTTPException(404)
        return attempt, attempt.answer

    async def mask(self, request: Request) -> Response:
        """The mask of an attempt, uint16."""
        _, answer = self._answered(request)
        if answer.labels is None:
            raise HTTPException(404)
        return _pixels(answer.labels.astype("<u2"))

    async def save(self, request: Request) -> Response:
        """The mask as NIfTI or as the container left it, or the case for `check`."""
        attempt, answer = self._answered(request)
        saved = await asyncio.to_thread(
            saved_as,
            request.path_params["what"],
            attempt.opened,
            attempt.inputs,
            answer,
            self._tried.rules,
        )
        if saved is None:
            raise HTTPException(404)
        data, name = saved
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
