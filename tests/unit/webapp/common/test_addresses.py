"""Where requests to the outside may go: what is inner is refused in all of its spellings."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.support.hostile import HOSTILE
from webapp.common.addresses import AddressRefused, Reach, is_public

PUBLIC = Reach.of(ports=[80, 443], plain_http=True, allow=[])


@pytest.mark.parametrize("url", HOSTILE)
def test_what_is_inner_or_odd_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        PUBLIC.target(url)
    assert "a:b" not in str(refused.value), "no message repeats a password"


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://Example.com", "example.com", 443, "/", "example.com"),
        ("https://example.com:443/a?b=c", "example.com", 443, "/a?b=c", "example.com"),
        ("http://example.com:443/", "example.com", 443, "/", "example.com:443"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", 443, "/", "xn--exmple-cua.com"),
        ("https://93.184.216.34/", "93.184.216.34", 443, "/", "93.184.216.34"),
        ("https://[2606:4700:4700::1111]/", "2606:4700:4700::1111", 443, "/", "[2606:4700:4700::1111]"),
        ("https://[2606:4700:4700:0::1111]:80/", "2606:4700:4700::1111", 80, "/", "[2606:4700:4700::1111]:80"),
    ],
)
def test_what_is_public_is_taken_apart_once(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = PUBLIC.target(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


def test_plain_http_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(AddressRefused, match="https://"):
        Reach.of(ports=[80], plain_http=False, allow=[]).target("http://example.com/")


def test_an_operator_may_allow_names_addresses_and_networks() -> None:
    reach = Reach.of(ports=[443], plain_http=False, allow=["hooks.internal", "10.1.0.0/16", "fd00::7", "192.168.1.5"])
    for host in ("hooks.internal", "10.1.2.3", "[fd00::7]", "192.168.1.5"):
        assert reach.target(f"https://{host}/")
    for host in ("other.internal", "10.2.0.1", "[fd00::8]", "192.168.1.6"):
        with pytest.raises(AddressRefused):
            reach.target(f"https://{host}/")
    assert reach.check("hooks.internal", ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(ValueError):
        Reach.of(ports=[443], plain_http=False, allow=["10.1.0.0/99"])
    with pytest.raises(ValueError):
        Reach.of(ports=[443], plain_http=False, allow=["not a name"])


def test_one_inner_address_among_public_ones_spoils_the_name() -> None:
    assert PUBLIC.check("example.com", ["93.184.216.34", "2606:4700::1"]) == ["93.184.216.34", "2606:4700::1"]
    for found in (["93.184.216.34", "10.0.0.1"], ["::ffff:10.0.0.1"], []):
        with pytest.raises(AddressRefused):
            PUBLIC.check("example.com", found)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2a00:1450::1"])
def test_the_neighbours_of_inner_networks_are_public(address: str) -> None:
    assert is_public(ip_address(address))
