"""What is masked in a kept text, and what stays."""

from __future__ import annotations

import pytest

from workers.masking import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ann.lee+x@mail.example.co.uk", "[mail address]"),
        ("+49 (30) 1234-567", "[phone number]"),
        ("(030) 123 45 67", "[phone number]"),
        ("+14155550123", "[phone number]"),
        ("4111 1111 1111 1111", "[card number]"),
        ("5500-0000-0000-0004", "[card number]"),
        ("DE89 3704 0044 0532 0130 00", "[account number]"),
        ("GB82WEST12345698765432", "[account number]"),
        ("sk-proj-abcdefghijklmnop1234", "[key]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[key]"),
    ],
)
def test_it_is_masked_and_the_words_around_it_stay(text: str, shown: str) -> None:
    assert masked(f"It is {text}, she said.") == f"It is {shown}, she said."


@pytest.mark.parametrize(
    "text",
    [
        "Revenue was 1,234,567,890 USD in 2024-11-21, up 12.5 %.",
        "1234567812345678 is no card by its check digit",
        "GB00 WEST 1234 5698 7654 32 is no account",
        "Version 3.11.4 of 2026-11-21 12:30:45",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "0.123456789 and 007",
    ],
)
def test_figures_stay(text: str) -> None:
    assert masked(text) == text
