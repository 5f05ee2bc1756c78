"""
GET /v1/models: what a client of the OpenAI protocol may choose. Each is a way of working, not one provider's model;
those are under /v1/llm-models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from webapp.api.completions import OpenAIView
from webapp.api.submission import TIERS, one_of
from webapp.catalogue.selectors import listing
from webapp.common.errors import HartleyError
from webapp.common.values import JSON

CREATED = 1735689600  # 2025-01-01: they have no other date, and clients want one


@dataclass(frozen=True)
class AgentModel:
    id: str
    description: str

    def body(self) -> JSON:
        return {"id": self.id, "object": "model", "created": CREATED, "owned_by": "shannon"}


MODELS = {
    model.id: model
    for model in (
        AgentModel("shannon-chat", "One agent answers."),
        AgentModel("shannon-quick-research", "A short research by few agents."),
        AgentModel("shannon-standard-research", "Research by several agents."),
        AgentModel("shannon-deep-research", "Thorough research by many agents."),
        AgentModel("shannon-academic-research", "Thorough research with an eye on sources."),
        AgentModel("shannon-complex", "A team of agents with a plan."),
    )
}


class ModelUnknown(HartleyError):
    code = "model_not_found"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"The model {name[:100]} does not exist; GET /v1/models lists those that do")


class Models(OpenAIView):
    """The ways of working that the chat API offers as models."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request) -> Response:
        return Response({"object": "list", "data": [model.body() for model in MODELS.values()]})


class OneModel(OpenAIView):
    """One of them; what it does is in the header X-Model-Description."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, model: str) -> Response:
        found = MODELS.get(model)
        if found is None:
            raise ModelUnknown(model)
        return Response(found.body(), headers={"X-Model-Description": found.description})


class LlmModels(OpenAIView):
    """The providers' models that answer a tier, `priority` 1 first, as the workers told them last."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})
    queries: ClassVar = {"GET": {"tier": str}}

    def get(self, request: Request) -> Response:
        wanted = one_of(dict(request.query_params.items()), "tier", TIERS)
        told = listing() or {"providers": []}
        rows = [
            {"id": model["model"], "provider": provider["name"], "tier": tier, "priority": place}
            for provider in told["providers"]
            if provider["configured"]
            for model in provider["models"]
            for tier, place in model["tiers"].items()
            if tier == wanted or (wanted is None and tier in TIERS)
        ]
        return Response({"models": sorted(rows, key=lambda row: (TIERS.index(row["tier"]), row["priority"]))})
