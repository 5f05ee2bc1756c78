"""How the tenant's models do, over HTTP: what the page Models shows."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.tasks import caller
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.model_status import SPANS, model_status


class ModelsStatus(APIView):
    """Providers with their state, models and prices; how the tenant's calls to them went; the tiers' shares."""

    scopes: ClassVar = {"GET": "workflows:read"}
    queries: ClassVar = {"GET": {"since": str}}

    def get(self, request: Request) -> Response:
        since = request.query_params.get("since", "24h")
        if since not in SPANS:
            raise Invalid(field="since", message=f"must be one of {', '.join(SPANS)}")
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response({"since": since, **model_status(tenant, SPANS[since]).to_json()})
