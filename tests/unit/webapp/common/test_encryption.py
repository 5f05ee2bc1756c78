"""A sealed secret: unreadable, bound to its owner, and open to every key that is still there."""

from __future__ import annotations

import pytest

from webapp.common.encryption import Unsealable, Vault

OLD, NEW = "the old key " + "o" * 40, "the new key " + "n" * 40
SECRET = "sk-very-secret-value"
OURS, THEIRS = ("acme", "openai"), ("globex", "openai")


def vault(*keys: str, purpose: str = "tests") -> Vault:
    return Vault(keys, purpose=purpose)


def test_what_is_sealed_does_not_show_the_secret_nor_whose_it_is() -> None:
    sealed = vault(NEW).seal(SECRET, owner=OURS)
    assert SECRET.encode() not in sealed and b"acme" not in sealed
    assert vault(NEW).open(sealed, owner=OURS) == SECRET
    assert sealed != vault(NEW).seal(SECRET, owner=OURS), "the same secret twice looks different"


@pytest.mark.parametrize("owner", [THEIRS, ("acme", "anthropic"), ("acme",), ("openai", "acme")])
def test_it_opens_for_its_owner_alone(owner: tuple[str, ...]) -> None:
    with pytest.raises(Unsealable, match="for somebody else"):
        vault(NEW).open(vault(NEW).seal(SECRET, owner=OURS), owner=owner)


def test_a_key_is_changed_in_three_steps_and_nothing_is_lost() -> None:
    sealed = vault(OLD).seal(SECRET, owner=OURS)
    assert vault(NEW, OLD).open(sealed, owner=OURS) == SECRET, "first the new key goes in front"
    renewed = vault(NEW, OLD).renew(sealed)
    assert vault(NEW).open(renewed, owner=OURS) == SECRET, "then all is sealed anew, and the old one can go"
    for lost in (lambda: vault(NEW).open(sealed, owner=OURS), lambda: vault(NEW).renew(sealed)):
        with pytest.raises(Unsealable, match="not there any more"):
            lost()


def test_an_altered_one_and_one_of_another_purpose_do_not_open() -> None:
    sealed = bytearray(vault(NEW).seal(SECRET, owner=OURS))
    with pytest.raises(Unsealable):
        vault(NEW, purpose="others").open(bytes(sealed), owner=OURS)
    sealed[40] ^= 1
    with pytest.raises(Unsealable):
        vault(NEW).open(bytes(sealed), owner=OURS)
