"""Sessions with files, and what lies in their store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from tests.support.cast import Cast, Person, make_cast
from webapp.agent_sessions.models import Session
from webapp.common.tenancy import tenant_scope
from webapp.workspaces.models import Blob
from webapp.workspaces.selectors import Usage, files_of, usage_of
from webapp.workspaces.services import ByUser, read_workspace, save_changes


@dataclass(frozen=True)
class Desk:
    """A session of a person."""

    person: Person
    session: UUID

    @property
    def tenant(self) -> UUID:
        return self.person.user.tenant_id

    def save(self, changed: Mapping[str, bytes], deleted: tuple[str, ...] = ()) -> None:
        by = ByUser(self.person.user.id)
        save_changes(tenant=self.tenant, session=self.session, by=by, changed=changed, deleted=deleted)

    def read(self) -> dict[str, bytes]:
        return read_workspace(self.tenant, self.session)

    def usage(self) -> Usage:
        """As it is counted, which must be what there is."""
        with tenant_scope(self.tenant):
            rows = files_of(self.tenant, self.session).values_list("size_bytes", flat=True)
            assert usage_of(self.tenant, self.session) == Usage(len(rows), sum(rows))
            return Usage(len(rows), sum(rows))

    def blobs(self) -> list[Blob]:
        with tenant_scope(self.tenant):
            return list(Blob.objects.filter(tenant_id=self.tenant).order_by("id"))

    def on_disk(self) -> list[Path]:
        folder = Path(settings.STORAGES["workspaces"]["OPTIONS"]["location"]) / str(self.tenant)
        return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def people() -> Cast:
    """Anew for each test: what lies in a tenant's store is what the test has put there."""
    return make_cast()


@pytest.fixture
def desk_of() -> Callable[[Person], Desk]:
    def make(person: Person) -> Desk:
        with tenant_scope(person.user.tenant_id):
            session = Session.objects.create(
                tenant_id=person.user.tenant_id, user=person.user, external_id=f"s-{uuid4().hex[:8]}"
            )
        return Desk(person, session.id)

    return make


@pytest.fixture
def desk(people: Cast, desk_of: Callable[[Person], Desk]) -> Desk:
    return desk_of(people.owner)
