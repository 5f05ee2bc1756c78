"""Addresses that must not be asked, for every part that asks: what is inner, in all spellings, and what readers disagree on."""

from __future__ import annotations

HOSTILE = [
    # this machine, written in full and in short
    "http://0/", "http://0x7f.1/", "http://0300.0250.1.1/", "http://2852039166/", "http://169.254.169.254./",
    "http://[::ffff:a9fe:a9fe]/", "http://example.com./", "http://127.0.0.1/", "http://127.1.2.3/", "http://localhost/", "http://LOCALHOST/", "http://a.localhost/",
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

NAMES = {  # what a hostile name server answers
    "this-machine.example": ["127.0.0.1"],
    "its-network.example": ["192.168.1.1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "zoned.example": ["fe80::1%eth0"],
    "unspecified.example": ["0.0.0.0"],
    "unique-local.example": ["fd00::1"],
    "many.example": ["127.0.0.2", "127.0.0.3"],
    "both.example": ["93.184.216.34", "10.0.0.1"],
    "nobody.example": [],
    "127.0.0.1.nip.example": ["127.0.0.1"],
}
