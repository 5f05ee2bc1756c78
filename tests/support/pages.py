"""A person at a browser, without one: Django's test client, signed in through the sign-in page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.cast import PASSWORD, Person


def signed_in(person: Person) -> Client:
    client = Client()
    answer = client.post("/sign-in", {"email": person.user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


@contextmanager
def at_most(queries: int) -> Iterator[None]:
    """Fails with the statements when the block sent more."""
    with CaptureQueriesContext(connections["default"]) as sent:
        yield
    asked = [query["sql"] for query in sent.captured_queries]
    assert len(asked) <= queries, f"{len(asked)} queries:\n" + "\n".join(asked)
