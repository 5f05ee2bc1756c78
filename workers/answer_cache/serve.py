"""An earlier answer in place of a call: nothing is held and nothing sent, but policy decides, and it is recorded."""

from __future__ import annotations

from decimal import Decimal

from webapp.common.values import JSON
from webapp.orchestration.steps import Saving, event
from workers.answer_cache.asked import Asked, Hit
from workers.beats import Beats
from workers.deltas import Speaker
from workers.gate import allowance
from workers.gateway.errors import PriceUnknown
from workers.gateway.types import ModelChoice
from workers.model_told import Answered, policy_input, prompt_told, subject, versions
from workers.services import services


async def serve(asked: Asked, beats: Beats, hit: Hit) -> Answered | None:
    """
    None: policy doesn't allow the model whose answer it is, or the catalogue has it no more. Then the answer is as if it
    were not there, and nothing is recorded: a model is asked, and what is decided then counts.

    Raises:
        StepLost: the attempt is no longer ours.
    """
    choice = _choice(asked, hit)
    if choice is None:
        return None
    most = max(1, hit.cached.usage.completion_tokens)
    told = policy_input(asked.step, asked.task, choice, max_tokens=most, worst_usd=Decimal(0))
    recorded = await allowance("model_call", subject(choice), told, beats)
    if recorded is None:
        return None
    events = [*recorded["events"], *prompt_told(asked.step, choice, asked.request), _told(asked, hit)]
    await _spoken(asked, beats, hit, events, recorded["decisions"])
    beats.savings.append(_saving(hit))
    return Answered(hit.cached.reply(), Decimal(0), versions(choice, asked.request), cached=hit.cause)


def _choice(asked: Asked, hit: Hit) -> ModelChoice | None:
    catalogue = services().catalogue
    if hit.cached.provider not in catalogue.providers:
        return None
    try:
        return catalogue.choice(hit.cached.provider, hit.cached.model, asked.tier)
    except PriceUnknown:
        return None


async def _spoken(asked: Asked, beats: Beats, hit: Hit, events: list[JSON], decisions: list[JSON]) -> None:
    """Who listens hears all of it at once, while it is recorded."""
    speaker = Speaker(asked.step)
    if hit.cached.text and not beats.replays and asked.step.input.get("stream", True):
        speaker.say(hit.cached.text)
    try:
        await beats.begin(events=events, decisions=decisions)
    finally:
        speaker.stop()


def _told(asked: Asked, hit: Hit) -> JSON:
    cached = hit.cached
    payload = {
        "step": asked.step.n,
        "cause": hit.cause,
        "level": hit.level,
        "provider": cached.provider,
        "model": cached.model,
        "answered_at": cached.answered_at.isoformat(),
        "saved_usd": format(cached.cost_usd, "f"),
        "saved_tokens": cached.usage.total_tokens,
        **hit.more,
    }
    message = f"An answer of {cached.provider}/{cached.model} is there"
    return event("CACHE_HIT", agent=asked.step.agent or asked.step.kind, message=message, payload=payload)


def _saving(hit: Hit) -> Saving:
    cached = hit.cached
    return Saving(hit.cause, cached.provider, cached.model, tokens=cached.usage.total_tokens, usd=cached.cost_usd)
