"""Where requests to the outside may go: what is inner is refused in all of its spellings."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from webapp.common.addresses import AddressRefused, Reach, is_public

PUBLIC = Reach.of(ports=[80, 443], plain_http=True, allow=[])
HOSTILE = [
    # this machine, written in full and in short
    "http://127.0.0.1/", "http://127.1.2.3/", "http://localhost/", "http://LOCALHOST/", "http://a.localhost/",
    "http://0.0.0.0/", "http://[::]/", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://2130706433/", "http://017700000001/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
    "http://127.1/", "http://127.0.1/", "http://127.0.0.01/", "http://127.0.0.1./", "http://localhost./", "http://1/",
    "http://4294967295/", "http://127.0.0.0x1/", "http://256.256.256.256/", "http://1.2.3.4.5/", "http://0x/",
    # its networks, and the clouds' services
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
    "http://192.0.0.192/", "http://168.63.129.16/", "http://metadata.google.internal/", "http://redis/",
    "http://printer.local/", "http://nas.home.arpa/", "http://[fe80::1]/", "http://[fec0::1]/", "http://[fc00::1]/",
    # not for one receiver, or for nobody
    "http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/", "http://[ff02::1]/", "http://198.18.0.1/",
    "http://192.0.2.1/", "http://198.51.100.7/", "http://203.0.113.9/", "http://[2001:db8::1]/", "http://[3fff::1]/",
    "http://[100::1]/",
    # IPv4 inside IPv6: mapped, compatible, 6to4, NAT64, Teredo, ISATAP
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[2002:7f00:1::]/",
    "http://[2002:0a00:0001::1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/",
    "http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/", "http://[fe80::5efe:7f00:1]/", "http://[::ffff:0:127.0.0.1]/",
    # zones, credentials, ports, schemes, and what two programs read differently
    "http://[fe80::1%25eth0]/", "http://[2606:4700::1111%eth0]/", "http://user@example.com/", "http://a:b@example.com/",
    "http://example.com@127.0.0.1/", "http://example.com:22/", "http://example.com:0/", "http://example.com:6379/",
    "http://example.com:99999/", "http://example.com:８０/", "http://example.com:-1/", "ftp://example.com/",
    "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", "", "http://", "http:///x",
    "http://example.com\\@127.0.0.1/", "http://example.com#@127.0.0.1/", "http://ex ample.com/",
    "http://example.com/\r\nHost: x", "http://example.com\x00.org/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/",
    "http://ｌｏｃａｌｈｏｓｔ/", "http://exämple.com/", "http://%31%32%37.0.0.1/", "http://[127.0.0.1]/", "http://[::1/",
    "http://[::1]x/", "http://-a.com/", "http://a..com/", f"http://{'a' * 64}.com/", f"http://example.com/{'a' * 2000}",
]  # fmt: skip


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
