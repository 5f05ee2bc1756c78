"""Whatever a page does, nothing of it arrives at an address that is not public. The private server must hear nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.integration.browser.conftest import Browsing
from webapp.common.addresses import Reach
from workers.browser.proxy import Proxy

Site = Callable[[str, str], str]


@dataclass
class Inner:
    """
    Plays what is inside, on an address of this machine that may not be reached: counts whoever knocks, by TCP and UDP.

    Attributes:
        udp_port: any that is free; the same as `port` may be somebody's.
    """

    host: str
    port: int
    heard: list[str] = field(default_factory=list)

    def start(self) -> Inner:
        self._tcp = socket.create_server((self.host, self.port))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self.host, 0))
        self.udp_port = self._udp.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._hear, daemon=True).start()
        return self

    def _listen(self) -> None:
        try:
            while True:
                connected, _ = self._tcp.accept()
                self.heard.append("tcp")
                connected.close()
        except OSError:
            pass  # stopped

    def _hear(self) -> None:
        try:
            while True:
                self.heard.append(f"udp {len(self._udp.recv(2000))}")
        except OSError:
            pass

    def stop(self) -> None:
        for each in (self._tcp, self._udp):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # nobody was connected
            each.close()


@pytest.fixture
def inner(browsing: Browsing) -> Iterator[Inner]:
    """The TCP port is one that may be asked, so that the address alone refuses."""
    running = Inner("127.0.0.2", browsing.wood.port).start()
    yield running
    running.stop()


def test_the_inner_server_would_hear(inner: Inner, browsing: Browsing) -> None:
    socket.create_connection((inner.host, inner.port)).close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (inner.host, inner.udp_port))
    browsing.until(lambda: sorted(inner.heard) == ["tcp", "udp 1"])


def test_nothing_that_a_page_does_reaches_an_inner_address_or_a_name_that_leads_there(
    browsing: Browsing, site: Site, inner: Inner
) -> None:
    browsing.there["rebound.example"] = ["127.0.0.2"]
    browsing.there["both.example"] = ["127.0.0.1", "127.0.0.2"]
    hosts = ["127.0.0.2", "rebound.example", "both.example", "2130706434", "0x7f.2", "[::ffff:127.0.0.2]", "localhost"]
    tries = "".join(_everything(f"{host}:{inner.port}") for host in hosts)
    browsing.done(
        "navigate", url=site("/bad", f"<body>bad{tries}<script>{_network(inner)}</script>"), timeout_ms=15_000
    )
    browsing.done("wait", selector="#ended", timeout_ms=15_000)
    told = str(browsing.done("extract", selector="#ended")["text"])
    assert told.count("failed") == len(hosts) * 2 and "reached" not in told
    assert {"rebound.example", "both.example"} <= set(browsing.names)  # they were tried
    assert inner.heard == []


def _everything(there: str) -> str:
    url = f"http://{there}/x"
    return (
        f'<iframe src="{url}"></iframe><img src="{url}"><link rel=stylesheet href="{url}"><script src="{url}"></script>'
        f'<object data="{url}"></object><video src="{url}"></video><link rel=preconnect href="http://{there}">'
        f'<link rel=dns-prefetch href="//{there}"><link rel=prefetch href="{url}"><embed src="{url}">'
        f'<iframe src="https://{there}/x"></iframe><span class=there data-there="{there}"></span>'
    )


def _network(inner: Inner) -> str:
    """Requests whose end is known, websockets, and what goes by UDP: WebRTC and WebTransport."""
    return f"""
      const ends = [];
      for (const {{dataset: {{there}}}} of document.querySelectorAll(".there")) {{
        navigator.sendBeacon("http://" + there + "/beacon", "x");
        ends.push(fetch("http://" + there + "/f", {{mode: "no-cors"}}).then(a => a.type === "opaque" ? "failed" : "reached", () => "failed"));
        ends.push(new Promise(end => {{
          const socket = new WebSocket("ws://" + there + "/w");
          socket.onopen = () => end("reached"); socket.onerror = () => end("failed");
        }}));
      }}
      const at = "{inner.host}:{inner.udp_port}";
      const peer = new RTCPeerConnection({{iceServers: [
        {{urls: ["stun:" + at, "turn:" + at + "?transport=udp", "turn:{inner.host}:{inner.port}?transport=tcp"], username: "a", credential: "b"}}]}});
      peer.createDataChannel("x");
      peer.createOffer().then(offer => peer.setLocalDescription(offer));
      try {{ new WebTransport("https://" + at + "/t").ready.catch(() => 0) }} catch {{}}
      new Promise(end => {{ peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && end();
        setTimeout(end, 1500) }}).then(() => Promise.all(ends)).then(all => {{
        const told = document.createElement("p"); told.id = "ended"; told.textContent = all.join(" "); document.body.append(told) }});
    """


def test_a_redirect_or_a_click_that_leads_inside_is_refused(browsing: Browsing, site: Site, inner: Inner) -> None:
    there = f"http://{inner.host}:{inner.port}/"
    browsing.wood.more["/inward"] = (302, {"Location": there}, b"")
    assert browsing.refused("navigate", url=browsing.wood.url("/inward"))[0] == "address.refused"
    browsing.done("navigate", url=site("/link", f'<a href="{there}">in</a>'))
    browsing.act("click", selector="a")
    shown = browsing.act("extract")
    assert "not public" in shown.get("text", "") or not shown["ok"]
    assert inner.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "data:text/html,x", "chrome://version", "view-source:http://127.0.0.1/", "about:blank",
        "javascript:1", "http://127.0.0.2/", "http://localhost/", "http://169.254.169.254/", "http://[::1]/",
        "http://a:b@127.0.0.1/", "http://0x7f.1/", "http://127.0.0.1:22/", "ftp://127.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_is_refused_before_a_window_is_opened(browsing: Browsing, url: str) -> None:
    before = len(browsing.here.windows)
    assert browsing.refused("navigate", url=url)[0] == "address.refused"
    assert len(browsing.here.windows) == before


def test_scripts_come_to_no_file_and_no_page_of_the_browser(browsing: Browsing, site: Site) -> None:
    url = site("/plain", "<p>plain</p>")
    browsing.done("navigate", url=url)
    for there in ("file:///etc/passwd", "chrome://version", "view-source:file:///etc/passwd", "data:text/html,x"):
        browsing.act("evaluate", script=f"location.href = '{there}'; window.open('{there}'); 1")
        shown = browsing.act("extract", extract_type="html")
        assert not shown["ok"] or ("root:" not in shown["html"] and shown["url"].startswith("http"))
        browsing.done("navigate", url=url)


def test_a_websocket_of_the_site_itself_passes(browsing: Browsing, site: Site) -> None:
    """Through the tunnel, so that what fails elsewhere fails for its address; this site answers it with 404."""
    browsing.done("navigate", url=site("/ws", "<p>ws</p>"))
    script = (
        f"new Promise(end => {{ new WebSocket('ws://127.0.0.1:{browsing.wood.port}/socket').onerror = () => end(1) }})"
    )
    browsing.done("evaluate", script=script)
    assert browsing.wood.asked["/socket"] == 1


def test_a_download_is_not_kept_and_too_much_is_cut(browsing: Browsing, site: Site) -> None:
    browsing.wood.more["/file"] = (200, {"Content-Type": "application/zip"}, b"PK")
    assert "web_download" in browsing.refused("navigate", url=browsing.wood.url("/file"))[1]
    browsing.wood.more["/large"] = (200, {"Content-Type": "text/html"}, b"<p>begin</p>" + b"a" * 900_000)
    shown = browsing.act("navigate", url=browsing.wood.url("/large"), timeout_ms=1500)
    assert not shown["ok"] or "a" * 400_000 not in browsing.done("extract")["html"]


def test_chromium_calls_nobody_by_itself(browsing: Browsing) -> None:
    """Over all that the tests of this file have done; what is known here was asked for by them."""
    asked = {"127.0.0.1", "rebound.example", "both.example", "nowhere.example"}
    assert set(browsing.names) <= asked


def test_a_name_is_looked_up_for_each_connection_and_what_was_checked_is_asked(
    browsing: Browsing, inner: Inner
) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def changes(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async def asked() -> list[bytes]:
        reach = Reach.of(ports=[browsing.wood.port], plain_http=True, allow=["127.0.0.1/32"])
        proxy = Proxy(reach, connections=4, connection_bytes=10_000, resolve=changes)
        port = int((await proxy.start()).rpartition(":")[2])
        try:
            return [await _get(port, f"changes.example:{browsing.wood.port}") for _ in range(2)]
        finally:
            await proxy.stop()

    first, second = browsing.run(asked())
    assert b"eleven people" in first and b"not public" in second
    assert answers == [] and inner.heard == []


async def _get(proxy_port: int, name: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy_port)
    writer.write(f"GET http://{name}/about HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer
