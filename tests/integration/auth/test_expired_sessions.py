"""What is left in the database of those who were signed in on the pages."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from tests.support.cast import Cast
from tests.support.pages import signed_in
from workers import control


def test_the_sweep_removes_sessions_whose_time_is_over_and_no_others(cast: Cast) -> None:
    over, going_on = (signed_in(cast.owner) for _ in range(2))
    of = {client: Session.objects.filter(session_key=client.session.session_key) for client in (over, going_on)}
    of[over].update(expire_date=timezone.now() - timedelta(seconds=1))
    control.sweep()
    assert not of[over].exists() and of[going_on].exists()
    assert over.get("/tasks").status_code == 302 and going_on.get("/tasks").status_code == 200
