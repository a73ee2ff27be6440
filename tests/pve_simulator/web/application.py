# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ASGI application: HTTP on one side, questions and answers on the other, faults in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from pve_simulator.errors import ApiError
from pve_simulator.faults import HttpFault
from pve_simulator.web import answer as answers
from pve_simulator.web.answer import Answer
from pve_simulator.web.decoding import decoded
from pve_simulator.web.dispatch import Dispatcher, Question
from pve_simulator.web.protocol import HANG_UP, REASON, UNTIL_CLOSE
from pve_simulator.web.record import Record, Request, without_secrets
from pve_simulator.world import World

_BASE = "/api2/json"
_METHODS = ["GET", "POST", "PUT", "DELETE"]


def build(world: World, record: Record, auth_delay: float) -> Starlette:
    """The application for a world."""
    dispatcher = Dispatcher(world, auth_delay)

    async def serve(request: HttpRequest) -> Response:
        return await _serve(world, dispatcher, record, request)

    return Starlette(routes=[Route("/{path:path}", serve, methods=_METHODS)])


async def _serve(world: World, dispatcher: Dispatcher, record: Record, request: HttpRequest) -> Response:
    # the path as sent, because names of volumes have slashes, encoded or not
    raw = request.scope.get("raw_path") or request.url.path.encode()
    path = unquote(raw.decode("ascii").split("?", 1)[0])
    if path != _BASE and not path.startswith(f"{_BASE}/"):
        return _http(world, Answer(501, f"no such file '{path}'", None))
    path = path[len(_BASE) :].rstrip("/") or "/"
    body = await request.body()
    query = request.scope["query_string"]
    fault = world.faults.meet(request.method, path)
    question = Question(request.method, path, request.headers, {})
    found, user = await _answer(dispatcher, question, query, body, fault)
    seen = _arguments(request.headers.get("content-type", ""), body)
    status = found.status if found is not None else 0
    record.note(Request(request.method, path, query.decode(), without_secrets(seen), status, user))
    if fault is not None and fault.seconds:
        await asyncio.sleep(fault.seconds)
    return _http(world, found)


async def _answer(
    dispatcher: Dispatcher, question: Question, query: bytes, body: bytes, fault: HttpFault | None
) -> tuple[Answer | None, str | None]:
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind in _IN_PLACE:
        return _IN_PLACE[kind](fault), None
    if fault is not None and fault.call is not None and kind == "call":
        await run_in_threadpool(fault.call)
    try:
        arguments = decoded(query, question.headers.get("content-type", ""), body)
    except ApiError as error:
        return answers.of_error(error), None
    asked = Question(question.method, question.path, question.headers, arguments)
    found, user = await run_in_threadpool(dispatcher.answer, asked)
    if fault is not None and fault.call is not None and kind == "call-after":
        await run_in_threadpool(fault.call)
    if fault is not None and kind in _AFTERWARDS:
        return _AFTERWARDS[kind](fault), user
    return found, user


def _arguments(content_type: str, body: bytes) -> dict[str, object]:
    try:
        return decoded(b"", content_type, body)
    except ApiError:
        return {"": "unreadable"}  # it was answered as such; the record keeps no bytes it does not understand


def _ordered(fault: HttpFault) -> Answer:
    if fault.message is None:
        return Answer(fault.status, fault.reason, None)
    found = answers.of_error(ApiError(fault.status, fault.message))
    return Answer(fault.status, fault.reason, found.body)


# faults that keep the call from being carried out, and what is answered in place; None hangs up
_IN_PLACE: dict[str, Callable[[HttpFault], Answer | None]] = {
    "answer": _ordered,
    "body": lambda fault: Answer(200, "OK", fault.raw),
    "drop-before": lambda _: None,
}
# faults that put something else in the place of the answer to a call that was carried out
_AFTERWARDS: dict[str, Callable[[HttpFault], Answer | None]] = {
    "answer-after": _ordered,
    "drop-after": lambda _: None,
}


def _http(world: World, found: Answer | None) -> Response:
    headers = {
        "cache-control": "max-age=0",
        "date": formatdate(world.now(), usegmt=True),
        "pragma": "no-cache",
        "server": "pve-api-daemon/3.0",
    }
    if found is None:
        return Response(status_code=500, headers={HANG_UP: "1"})
    headers[REASON] = found.reason
    if found.status >= 400:
        headers["connection"] = "close"
    if found.body is None:
        response = Response(status_code=found.status, headers={**headers, UNTIL_CLOSE: "1"})
        del response.headers["content-length"]
        return response
    response = Response(found.body, status_code=found.status, headers=headers)
    response.headers["content-type"] = found.content_type
    return response
