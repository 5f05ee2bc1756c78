"""The way through Hartley: a client of POST /v1/completions, and what the ledger says of its calls."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.billing.play import Asked, Heard, Message, play
from benchmarks.billing.prices import price_usd
from benchmarks.billing.sums import ANSWERED, Line
from benchmarks.billing.workload import Talk, Workload
from deploy.embedded import programs
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.services import Services

if TYPE_CHECKING:
    from tests.support.cast import Person
    from webapp.budgets.models import Hold
    from webapp.tenants.models import Tenant

SETTINGS = {"cache_ttl": "5m", "max_tokens": 1024}
HARD = {"standard", "complex", "supervisor"}


@dataclass(frozen=True)
class Books:
    """
    Attributes:
        lines: one for each request, in order.
        settled_usd: the ledger's sum over all tenants.
        worst_case: calls whose true cost never became known.
        told: what the product itself says was saved, by cause.
    """

    lines: list[Line]
    settled_usd: Decimal
    worst_case: int
    told: dict[str, Decimal]


@dataclass
class Served:
    """
    Args:
        provider, model: whose large model is asked; model None lets a question's complexity choose the tier.
        window: messages of a conversation; longer ones are told around a summary. None tells all of it.
    """

    farm: Farm
    server: ModelServer
    provider: str
    model: str | None
    window: int | None = None
    _tenants: dict[str, Tenant] = field(default_factory=dict)
    _people: dict[tuple[str, str], Person] = field(default_factory=dict)
    _tiers: dict[tuple[str, str], str] = field(default_factory=dict)

    def play(self, workload: Workload) -> tuple[list[Asked], Books]:
        """As new customers, who have no answers kept."""
        self._enrol(workload)
        asked = play(workload, self._ask, between=self.server.forget_prompts)
        return asked, books(list(self._tenants.values()), asked)

    def _enrol(self, workload: Workload) -> None:
        from tests.support.cast import person
        from webapp.tenants.models import Role

        self._tenants = {name: customer(name) for name in workload.tenants}
        for tenant, user in {(talk.tenant, talk.user) for talk in workload.talks}:
            self._people[tenant, user] = person(self._tenants[tenant], user.replace(" ", "-"), Role.USER)

    def _ask(self, talk: Talk, messages: Sequence[Message]) -> Heard:
        key = self._people[talk.tenant, talk.user].api_key
        which = {"specific_model": self.model} if self.model else {"model_tier": self._tier(key, talk, messages)}
        body = {"messages": list(messages), "session_id": talk.session, "provider": self.provider}
        window = {"history_window_size": self.window} if self.window else {}
        status, answer = self.farm.call(key, "/v1/completions", {**body, **SETTINGS, **which, **window})
        assert status == 200, answer
        return Heard(answer["output_text"], answer["task_id"])

    def _tier(self, key: str, talk: Talk, messages: Sequence[Message]) -> str:
        """By the complexity of the question; a conversation that has needed the large model goes on with it."""
        place = (talk.session, talk.turns[0].says)
        if self._tiers.get(place) != "large":
            status, told = self.farm.call(key, "/api/v1/complexity", {"query": messages[-1]["content"]})
            assert status == 200, told
            self._tiers[place] = "large" if told["recommended_mode"] in HARD else "small"
        return self._tiers[place]


def customer(name: str) -> Tenant:
    """One who wants alike questions answered from the cache as well."""
    from webapp.tenants.services import create_tenant

    tenant = create_tenant(name=name, tier="enterprise", session_tokens=10**9)
    tenant.answer_cache = "semantic"
    tenant.save(using="system")
    return tenant


def books(tenants: Sequence[Tenant], asked: Sequence[Asked]) -> Books:
    from webapp.budgets.models import Hold, Saving
    from webapp.common.tenancy import tenant_scope

    holds: dict[UUID, list[Hold]] = defaultdict(list)
    causes: dict[UUID, str] = {}
    told: dict[str, Decimal] = defaultdict(Decimal)
    for tenant in tenants:
        with tenant_scope(tenant.id):
            for hold in Hold.objects.filter(state="settled"):
                holds[hold.task_id].append(hold)
            for saving in Saving.objects.all():
                told[saving.cause] += saving.usd
                if saving.cause in ANSWERED:
                    causes[saving.task_id] = saving.cause
    all_ = [hold for found in holds.values() for hold in found]
    return Books(
        lines=[line_of(holds[UUID(one.heard.name)], causes.get(UUID(one.heard.name), "")) for one in asked],
        settled_usd=sum((hold.usd for hold in all_), Decimal(0)),
        worst_case=sum(hold.worst_case for hold in all_),
        told=told,
    )


def line_of(holds: Sequence[Hold], cause: str) -> Line:
    """The last call for the answer is the one that was asked for; all others are our own."""
    calls = [hold for hold in holds if hold.purpose == "complete"]
    own = sum((hold.usd for hold in holds), Decimal(0))
    if cause or not calls:
        return Line(0, 0, Decimal(0), Decimal(0), own, cause)
    call = max(calls, key=lambda hold: (hold.fence, hold.call))
    plain = price_usd(call.model, prompt=call.prompt_tokens, completion=call.completion_tokens)
    return Line(call.prompt_tokens, call.completion_tokens, plain, call.usd, own - call.usd)


def environment(server: ModelServer, large: dict[str, str]) -> dict[str, str]:
    """
    Args:
        large: of each provider, the model of that tier.
    """
    found = {
        "HARTLEY_RATE_ENTERPRISE": "1000000000,1000000000,1000000000",
        "HARTLEY_TASKS_PER_USER": "100000",
        "HARTLEY_TASKS_PER_TENANT": "100000",
        "CONFIG__TIERS__LARGE": _tier_of(large),
    }
    for provider in large:
        name = provider.upper()
        found[f"{name}_API_KEY"] = "sk-scripted"
        found[f"{name}_BASE_URL"] = server.root_url if provider == "anthropic" else server.base_url
        found[f"CONFIG__PROVIDERS__{name}__REQUESTS_PER_MINUTE"] = "100000000"
    return found


def _tier_of(models: dict[str, str]) -> str:
    return str([{"provider": provider, "model": model} for provider, model in models.items()])


def _ready(farm: Farm) -> bool:
    try:
        return farm.ready()
    except TimeoutError:
        return False


@contextmanager
def hartley(services: Services, small: dict[str, str]) -> Iterator[Farm]:
    """
    Its web process, workers and beat, as production starts them.

    Args:
        small: of each provider, the model of that tier; summaries are made by it too.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"HARTLEY_SWEEP_S": "5", "HARTLEY_ANSWER_CACHE_S": "3600", "CONFIG__TIERS__SMALL": _tier_of(small)}
        farm = Farm(services, own, Path(folder))
        try:
            for name in ("web", *programs.WORKERS, "beat"):
                farm.launch(name)
            eventually(lambda: _ready(farm), within_s=120, every_s=0.2)
            yield farm
        finally:
            farm.stop()
