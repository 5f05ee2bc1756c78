"""Replay and fork from a terminal, as a release would."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support.cast import Cast
from tests.support.farm import Farm


def told(*command: str, **options: object) -> str:
    out = StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def test_replay_and_fork_print_what_they_found(connected: Farm, cast: Cast) -> None:
    task = connected.submit(cast.owner.api_key, "What is the sum?", mode="simple")
    connected.finished(cast.owner.api_key, task)
    email = cast.owner.user.email
    assert "No difference" in told("replay", task, email=email)
    at = next(s["n"] for s in connected.steps(cast.owner.api_key, task) if s["kind"] == "llm.turn")
    printed = told("fork", task, email=email, step=at, model_override="gpt-4.1")
    assert "then" in printed and "fork" in printed and "steps were served" in printed


def test_they_refuse_in_a_sentence(connected: Farm, cast: Cast) -> None:
    task = connected.submit(cast.owner.api_key, "Hello", mode="simple")
    connected.finished(cast.owner.api_key, task)
    with pytest.raises(CommandError, match="task not found"):
        told("replay", task, email=cast.stranger.user.email)
    with pytest.raises(CommandError, match="person not found"):
        told("replay", task, email="nobody@example.com")
    with pytest.raises(CommandError, match="step 99: the run has no such step"):
        told("fork", task, email=cast.owner.user.email, step=99)
