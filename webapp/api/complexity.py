"""POST /api/v1/complexity: how hard is a question, how would it be worked on, what may it take? No model is asked."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_tasks.selectors import usual_spending
from webapp.api.bodies import object_in
from webapp.api.submission import SUBMISSION, read_submission
from webapp.api.tasks import caller
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import complexity


class Complexity(APIView):
    """
    Score from 0 to 1, mode, agents, tokens and cost. The last two are the median of the caller's last tasks of that
    mode; before there are any, the tokens are a rule of thumb and the cost is null.
    """

    scopes: ClassVar = {"POST": "workflows:read"}
    bodies: ClassVar = {
        "POST": {
            "type": "object",
            "required": ["query"],
            "properties": {name: SUBMISSION["properties"][name] for name in ("query", "context")},
        }
    }

    def post(self, request: Request) -> Response:
        body = object_in(request)
        asked = read_submission({name: body.get(name) for name in ("query", "context")})
        score = complexity.score(asked.query, attachments=len(asked.attachments))
        mode, who = complexity.mode_of(score), caller(request)
        with tenant_scope(who.tenant_id):
            usual = usual_spending(who.tenant_id, who.watches, mode)
        agents = complexity.AGENTS[mode]
        found = f"the median of {usual.tasks} {mode} tasks" if usual.tasks else "a rule of thumb, as none has ended yet"
        return Response(
            {
                "complexity_score": score,
                "recommended_mode": mode,
                "estimated_agents": agents,
                "estimated_tokens": usual.tokens if usual.tasks else complexity.TOKENS_PER_AGENT * agents,
                "estimated_cost_usd": float(usual.usd) if usual.tasks else None,
                "based_on_tasks": usual.tasks,
                "reasoning": f"Length, parts, verbs of analysis and files score {score:g}; tokens are {found}.",
            }
        )
