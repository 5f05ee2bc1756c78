"""Masks personal data and secrets in a text that is kept: addresses, numbers and keys that have a known form. Pure.

By patterns and check digits, so names and the like stay. A number that is neither a card's nor an account's is masked
only where it is written as telephone numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
KEY = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|"
    r"\bAKIA[0-9A-Z]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
PHONE = re.compile(
    r"(?<![\w.,])(?:\+\d{1,3}[ ./-]?(?:\(\d{1,5}\)|\d)|\(0?\d{2,5}\)|00\d{2}|0\d{2,4}[ /-])[\d ./-]{5,16}\d\b"
)
DIGITS_LEAST = 8  # of a telephone number


def masked(text: str) -> str:
    """
    >>> masked("Write to ann@example.com or call +49 30 1234567.")
    'Write to [mail address] or call [phone number].'
    """
    text = KEY.sub("[key]", text)
    text = MAIL.sub("[mail address]", text)
    text = IBAN.sub(_if(_is_iban, "[account number]"), text)
    text = CARD.sub(_if(_is_card, "[card number]"), text)
    return PHONE.sub(_if(_is_phone, "[phone number]"), text)


def _if(holds: Callable[[str], bool], put: str) -> Callable[[re.Match[str]], str]:
    return lambda found: put if holds(found[0]) else found[0]


def _is_card(text: str) -> bool:
    """Luhn's check digit, ISO/IEC 7812."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: the country and check digits last, letters as numbers, modulo 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return sum(sign.isdigit() for sign in text) >= DIGITS_LEAST
