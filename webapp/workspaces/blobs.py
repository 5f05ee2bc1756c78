"""Bytes by their hash, in Django's storage `workspaces`: a tenant's own, never shared with another's.

A row comes first, then the bytes, then the files that have them; who dies in between leaves a row that the sweep finds.
Nothing here runs in a transaction while it waits for the store, except that the sweep holds the row that it removes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.workspaces.errors import BytesLost, StoreUnavailable
from webapp.workspaces.models import Blob, File, Former

log = structlog.get_logger()
_STORE = ThreadPoolExecutor(8, thread_name_prefix="store")  # a store far away answers one request slowly, many as fast


def store() -> Storage:
    return storages["workspaces"]


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keep(tenant: UUID, contents: Iterable[bytes]) -> dict[str, int]:
    """
    Store what of it is new; returns the blob of each hash. For an hour the sweep leaves them, named or not.

    Raises:
        StoreUnavailable: files are as they were.
    """
    wanted = {sha256_of(data): data for data in contents}
    with tenant_scope(tenant):
        known = _known(tenant, wanted)
        rows = [
            Blob(tenant_id=tenant, sha256=sha256, size_bytes=len(data))
            for sha256, data in wanted.items()
            if sha256 not in known
        ]
        Blob.objects.bulk_create(rows, batch_size=1000)
    list(_STORE.map(lambda row: _write(row, wanted[row.sha256]), rows))
    if rows:
        with tenant_scope(tenant):
            Blob.objects.filter(id__in=[row.pk for row in rows]).update(stored=True)
    return known | {row.sha256: row.pk for row in rows}


def read(files: Sequence[File]) -> list[bytes]:
    """
    The bytes of files with their blobs at hand, each checked against its hash.

    Raises:
        BytesLost, StoreUnavailable
    """
    return list(_STORE.map(_read, files))


def remove(tenant: UUID, blob: int) -> bool:
    """
    Remove it with its bytes if no file has it, or had it before a change that may be taken back.

    The row is locked while the store works: who wants to use the blob meanwhile waits, and then makes another.
    """
    with tenant_scope(tenant):
        row = Blob.objects.select_for_update(skip_locked=True).filter(id=blob, check_at__isnull=False).first()
        if row is None:
            return False
        if File.objects.filter(blob=row).exists() or Former.objects.filter(blob=row).exists():
            Blob.objects.filter(id=blob).update(check_at=None)
            return False
        store().delete(row.place)
        row.delete()
        return True


def _known(tenant: UUID, hashes: Iterable[str]) -> dict[str, int]:
    """Those that are there; the sweep looks for their files anew."""
    found = Blob.objects.filter(tenant_id=tenant, sha256__in=list(hashes), stored=True)
    known = dict(found.order_by("id").select_for_update(no_key=True).values_list("sha256", "id"))
    Blob.objects.filter(id__in=known.values()).update(check_at=now())
    return known


def _write(row: Blob, data: bytes) -> None:
    with _at_the_store(row.pk):
        store().save(row.place, ContentFile(data))


def _read(file: File) -> bytes:
    try:
        with _at_the_store(file.blob_id), store().open(file.blob.place) as opened:
            data = bytes(opened.read())
    except FileNotFoundError:
        data = None
    if data is None or sha256_of(data) != file.blob.sha256:
        log.error("workspace.bytes_lost", blob=file.blob_id, there=data is not None)
        raise BytesLost(file.path)
    return data


@contextmanager
def _at_the_store(blob: int) -> Iterator[None]:
    """Whatever a store's library raises, but for what is not there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        log.error("workspace.store_failed", blob=blob, error=repr(error)[:300])
        raise StoreUnavailable from error
