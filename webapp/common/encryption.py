"""Secrets at rest: sealed with the first of several keys, opened with any, bound to what they belong to."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.common.errors import HartleyError


class Unsealable(HartleyError):
    """None of the keys opens it, or it was sealed for something else."""

    code = "secret.unsealable"


class Vault:
    """
    Args:
        keys: long random texts; the first seals, all of them open. Fernet's keys are derived from them.
        purpose: another purpose makes other keys of the same texts.
    """

    def __init__(self, keys: Sequence[str], *, purpose: str) -> None:
        self._fernet = MultiFernet([_fernet(key, purpose) for key in keys])

    def seal(self, secret: str, *, owner: Sequence[str]) -> bytes:
        """
        Args:
            owner: what it belongs to, e.g. tenant and provider: Fernet has no associated data, so it goes inside.
        """
        return self._fernet.encrypt(json.dumps({"owner": list(owner), "secret": secret}).encode())

    def open(self, sealed: bytes, *, owner: Sequence[str]) -> str:
        """
        Raises:
            Unsealable
        """
        try:
            found = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise Unsealable("It was sealed with a key that is not there any more, or was altered") from None
        if found["owner"] != list(owner):
            raise Unsealable("It was sealed for somebody else")
        return str(found["secret"])

    def renew(self, sealed: bytes) -> bytes:
        """
        The same secret, sealed with the first key.

        Raises:
            Unsealable
        """
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise Unsealable("It was sealed with a key that is not there any more, or was altered") from None


def _fernet(key: str, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
