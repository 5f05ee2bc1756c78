"""Requests to the outside, over real sockets: no answer of a name server and no redirect leads them inside."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.receiver import Received, Receiver
from webapp.common.addresses import AddressRefused, Reach
from workers.toolbox.egress import Egress, RequestFailed

PUBLIC = "93.184.216.34"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


def egress(receiver: Receiver, *, allow: list[str] | None = None, within_s: float = 30, **more: object) -> Egress:
    reach = Reach.of(ports=[80, 443, receiver.port], plain_http=True, allow=["127.0.0.1"] if allow is None else allow)
    return Egress(reach, within_s=within_s, body_bytes=1000, **more)  # type: ignore[arg-type]


def answers(*turns: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A name server whose answer changes from one look-up to the next; `asked` counts them."""
    left = list(turns)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def test_an_allowed_receiver_gets_the_request_as_it_was_written(receiver: Receiver) -> None:
    receiver.answer = lambda got: (200, {"Set-Cookie": "a=b"}, b"hello")
    asked = egress(receiver)
    for _ in range(2):
        answer = await asked.ask("POST", receiver.url("/a?b=%20c"), headers={"X-Own": "1"}, content=b"body")
    assert (answer.status, answer.body, answer.whole) == (200, b"hello", True)
    got = receiver.received[1]
    assert (got.path, got.raw, got.headers["x-own"]) == ("/a?b=%20c", b"body", "1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}" and "cookie" not in got.headers


async def test_nothing_is_sent_to_an_inner_address(receiver: Receiver) -> None:
    with pytest.raises(AddressRefused, match="not public"):
        await egress(receiver, allow=[]).ask("POST", receiver.url())
    with pytest.raises(AddressRefused, match="not public"):
        resolve = answers(["127.0.0.1"])
        await egress(receiver, allow=[], resolve=resolve).ask("POST", f"http://evil.example:{receiver.port}/")
    assert receiver.received == []


async def test_a_name_that_changes_its_address_after_the_look_up_reaches_nothing_inner(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer would be this machine: there is no second question, and what was checked is what is asked."""
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise OSError("nobody there in a test")

    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect)
    guarded = egress(receiver, allow=[], resolve=answers([PUBLIC], ["127.0.0.1"]))
    with pytest.raises(RequestFailed):
        await guarded.ask("GET", f"http://rebound.example:{receiver.port}/")
    assert connected == [PUBLIC]
    with pytest.raises(AddressRefused):
        await guarded.ask("GET", f"http://rebound.example:{receiver.port}/")
    assert connected == [PUBLIC] and receiver.received == []


async def test_a_name_is_reached_by_its_checked_address_under_its_own_name(receiver: Receiver) -> None:
    guarded = egress(receiver, resolve=answers(["127.0.0.1"]))
    await guarded.ask("POST", f"http://hooks.example:{receiver.port}/named")
    assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_redirects_are_not_followed_and_when_asked_for_each_is_checked(receiver: Receiver) -> None:
    inner = Receiver()
    places = {"/inner": f"http://10.0.0.1:{receiver.port}/", "/file": "file:///etc/passwd", "/on": "/end", "/end": ""}

    def moved(got: Received) -> int | tuple[int, dict[str, str], bytes]:
        return (302, {"Location": places[got.path]}, b"") if places[got.path] else 200

    receiver.answer = moved
    guarded = egress(receiver)
    answer = await guarded.ask("POST", receiver.url("/on"))
    assert answer.status == 302 and len(receiver.received) == 1
    assert (await guarded.ask("GET", receiver.url("/on"), redirects=1, headers={"Authorization": "x"})).status == 200
    assert "authorization" not in receiver.at("/end")[0].headers
    for path in ("/inner", "/file"):
        with pytest.raises(AddressRefused):
            await guarded.ask("GET", receiver.url(path), redirects=3)
    assert inner.received == []
    inner.stop()


async def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await egress(receiver).ask("POST", receiver.url())).status == 204


async def test_time_and_sizes_have_bounds(receiver: Receiver) -> None:
    receiver.answer = lambda got: (200, {"X-Long": "h" * (0 if got.path == "/body" else 200_000)}, b"b" * 100_000)
    answer = await egress(receiver).ask("POST", receiver.url("/body"))
    assert len(answer.body) == 1000 and not answer.whole
    with pytest.raises(RequestFailed, match="well-formed"):
        await egress(receiver).ask("POST", receiver.url("/header"))

    given_up = threading.Event()

    def late(got: Received) -> int:
        return 200 if given_up.wait(10) else 500

    receiver.answer = late
    with pytest.raises(RequestFailed, match="within 0.1 s"):
        await egress(receiver, within_s=0.1).ask("POST", receiver.url())
    given_up.set()


async def test_a_slow_name_server_is_not_waited_for(receiver: Receiver) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(30)
        return [PUBLIC]

    with pytest.raises(RequestFailed):
        await egress(receiver, within_s=0.1, resolve=resolve).ask("GET", "https://slow.example/")


async def test_a_host_that_is_unknown_or_away_is_told_in_our_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    reach = Reach.of(ports=[port], plain_http=True, allow=["127.0.0.1"])
    with pytest.raises(RequestFailed, match="could not be connected"):
        await Egress(reach, within_s=30, body_bytes=10).ask("GET", f"http://127.0.0.1:{port}/?token=secret")
    nobody = Egress(reach, within_s=30, body_bytes=10, resolve=answers([]))
    with pytest.raises(AddressRefused, match="no address"):
        await nobody.ask("GET", f"http://unknown.example:{port}/")


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate for named.example, and a client's side that trusts its maker."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    day = timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime.now(UTC) - day).not_valid_after(datetime.now(UTC) + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("named.example")]), critical=False)
    certificate = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    file = tmp_path / "server.pem"
    file.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=certificate.decode())


async def test_tls_verifies_the_name_though_the_socket_goes_to_an_address(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = certified

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    reach = Reach.of(ports=[port], plain_http=False, allow=["127.0.0.1"])
    trusting = Egress(reach, within_s=30, body_bytes=10, resolve=answers(["127.0.0.1"]), tls=client)
    assert (await trusting.ask("GET", f"https://named.example:{port}/")).status == 200
    for guarded, host in ((trusting, "other.example"), (Egress(reach, within_s=30, body_bytes=10), "127.0.0.1")):
        with pytest.raises(RequestFailed, match="certificate"):
            await guarded.ask("GET", f"https://{host}:{port}/")
    listening.close()
