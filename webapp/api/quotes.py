"""POST /api/v1/quotes: what a task, or a completion, would take. Nothing is submitted and no model is asked."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.completion_request import COMPLETION, read_completion
from webapp.api.submission import SUBMISSION, read_submission
from webapp.api.tasks import caller
from webapp.common.values import JSON
from webapp.orchestration.quotes import quote_completion
from webapp.orchestration.quoting import Quote
from webapp.orchestration.submit import CEILING, quote_of, why_waiting


class Quotes(APIView):
    """
    P50 and P95 of cost, tokens and time, from the tenant's own ended tasks of the same kind and from the shape. Takes the
    body of POST /api/v1/tasks, or with `messages` that of POST /v1/completions. `would_wait` says why a task with a
    ceiling would wait for a person instead of starting.
    """

    scopes: ClassVar = {"POST": "workflows:read"}
    bodies: ClassVar = {"POST": {"anyOf": [SUBMISSION, COMPLETION]}}

    def post(self, request: Request) -> Response:
        who, given = caller(request), request.data
        if isinstance(given, dict) and "messages" in given and "query" not in given:
            asked = read_completion(given)
            step = {"messages": asked.messages, "tools": asked.tools, "options": asked.options}
            return Response(_body(quote_completion(who.tenant_id, step)))
        submission = read_submission(given)
        quoted = quote_of(who.tenant_id, submission)
        waits = {"ceiling_usd": submission.context.get(CEILING), "would_wait": why_waiting(submission, quoted)}
        return Response(_body(quoted) | waits)


def _body(quoted: Quote) -> JSON:
    return {name: value for name, value in quoted.to_json().items() if name != "base"}
