"""The ledger as CSV, for spreadsheets. Read page by page, so that neither we nor the database keep all of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from uuid import UUID

from webapp.budgets.ledger import LedgerPlace, Sought, ledger
from webapp.budgets.models import Hold
from webapp.common.tenancy import tenant_scope

MOST_LINES = 20_000  # some 5 MB; the last line's cursor leads on
PAGE = 2_000
COLUMNS = (
    "created_at", "closed_at", "state", "task_id", "step", "attempt", "call", "agent", "purpose", "provider", "model",
    "held_tokens", "held_usd", "prompt_tokens", "completion_tokens", "cached_tokens", "usd", "seconds", "tool_calls", "fuel",
    "worst_case", "error", "cursor",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins so


def csv_pages(tenant: UUID, sought: Sought, behind: LedgerPlace | None) -> Iterator[str]:
    """The head, then lines from the newest on. Opens the tenant's scope for each page by itself."""
    yield text_of([COLUMNS])
    for _ in range(MOST_LINES // PAGE):
        with tenant_scope(tenant):
            holds = ledger(tenant, sought, behind, PAGE)
        if holds:
            behind = LedgerPlace.of(holds[-1])
            yield text_of(_line(hold) for hold in holds)
        if len(holds) < PAGE:
            return


def _line(hold: Hold) -> tuple[object, ...]:
    return (
        hold.created_at.isoformat(), hold.closed_at.isoformat() if hold.closed_at else "", hold.state, hold.task_id,
        hold.step, hold.fence, hold.call, harmless(hold.agent), harmless(hold.purpose), harmless(hold.provider),
        harmless(hold.model), hold.held_tokens, f"{hold.held_usd:f}", hold.prompt_tokens, hold.completion_tokens,
        hold.cached_tokens, f"{hold.usd:f}", f"{hold.seconds:f}", hold.tool_calls, hold.fuel, "yes" if hold.worst_case else "no", harmless(hold.error), LedgerPlace.of(hold),
    )  # fmt: skip


def harmless(text: str) -> str:
    """Agents and models are named by users; a quote before it keeps a formula text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def text_of(rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
