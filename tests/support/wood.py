"""A site of a hundred pages on this machine, about the oaks of a wood, with the odd pages that sites have."""

from __future__ import annotations

import gzip
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OAKS = 96  # with /, /about, /keepers and /prices: a hundred
ROBOTS = "User-agent: *\nDisallow: /private/\n"
Answer = tuple[int, dict[str, str], bytes]


def fact(n: int) -> str:
    """What only the page of this oak says."""
    return f"Oak number {n} is {10 + n % 30} metres tall and was planted in {1800 + n} by the keeper of that year."


def oak(n: int) -> str:
    onward = "".join(
        f'<a href="/oaks/{m}.html?utm_source=wood#top">Oak {m}</a> ' for m in (2 * n, 2 * n + 1) if m <= OAKS
    )
    return page(
        f"Oak {n}",
        f"<p>{fact(n)} Its crown spreads over the old path, and owls nest in the hollow of its trunk. "
        "In autumn its acorns are gathered by the children of the village, who sow them along the stream. "
        "Whoever sits beneath it for an hour hears more birds than in all the gardens of the town together.</p>"
        f"<ul><li>rings: {n * 3}</li></ul><p>Go on from here: {onward}</p>",
        published=f"2024-03-{n % 28 + 1:02}",
    )


def page(title: str, main: str, *, published: str = "") -> str:
    date = f'<meta property="article:published_time" content="{published}T10:00:00Z">' if published else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} | The Wood</title>{date}</head><body>'
        '<nav><a href="/">Home</a> <a href="/about">About us</a> <a href="/private/a">Only people</a> '
        '<a href="http://elsewhere.example/">Elsewhere</a></nav><header>Menu of everything</header>'
        f"<main><article><h1>{title}</h1>{main}</article></main>"
        "<footer>Copyright nobody at all. This site uses cookies.</footer><script>alert(1)</script></body></html>"
    )


def _pages() -> dict[str, str]:
    welcome = "<p>Welcome to the wood, where each tree has a page of its own and a story that is worth your time.</p>"
    links = '<p><a href="/oaks/1.html">The first oak</a>, <a href="/keepers">its keepers</a>, <a href="/prices">what it costs</a></p>'
    return {
        "/": page("The Wood", welcome + links),
        "/about": page(
            "About", "<p>The wood is kept by eleven people, who walk it each morning whatever the weather is.</p>"
        ),
        "/keepers": page(
            "Keepers", "<p>Ada Birch has kept the wood since 1998, and before her it was kept by her aunt.</p>"
        ),
        "/prices": page("Prices", "<p>A day in the wood costs four euros, a year costs forty, and owls are free.</p>"),
        **{f"/oaks/{n}.html": oak(n) for n in range(1, OAKS + 1)},
    }


HTML = {"Content-Type": "text/html; charset=utf-8"}


class Wood:
    """
    Attributes:
        asked: how often each path was asked for.
        most_at_once: requests that were under way together.
        more: answers for further paths, or other ones for those that there are.
    """

    def __init__(self) -> None:
        self.pages = _pages()
        self.more = odd_pages(0)
        self.asked: Counter[str] = Counter()
        self.wait_s = 0.0
        self.most_at_once = self._under_way = 0
        self._lock = threading.Lock()
        wood = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with wood._lock:
                    wood.asked[self.path] += 1
                    wood._under_way += 1
                    wood.most_at_once = max(wood.most_at_once, wood._under_way)
                try:
                    time.sleep(wood.wait_s)
                    self.answer(*wood.answer(self.path))
                except OSError:
                    pass  # the caller has gone
                finally:
                    with wood._lock:
                        wood._under_way -= 1

            def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path: str) -> Answer:
        plain = path.partition("?")[0]
        if plain in self.more:
            return self.more[plain]
        if plain in self.pages:
            return 200, HTML, self.pages[plain].encode()
        return 404, HTML, b"<p>Not here</p>"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def odd_pages(port: int) -> dict[str, Answer]:
    """What a server may answer beside HTML in UTF-8."""
    latin = "<html><head><title>Bäume</title></head><body><p>Über den Eichen ist die Luft nach dem Regen süß.</p></body></html>"
    return {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, ROBOTS.encode()),
        "/latin": (200, {"Content-Type": "text/html; charset=ISO-8859-1"}, latin.encode("latin-1")),
        "/declared": (
            200,
            {"Content-Type": "text/html"},
            latin.replace("<head>", "<head><meta charset=windows-1252>").encode("cp1252"),
        ),
        "/unsaid": (200, {"Content-Type": "text/html"}, latin.encode()),
        "/gzip": (
            200,
            {**HTML, "Content-Encoding": "gzip"},
            gzip.compress(page("Packed", f"<p>{fact(7)}</p>").encode()),
        ),
        "/bomb": (200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(b"<p>" + b"a" * 50_000_000)),
        "/br": (200, {**HTML, "Content-Encoding": "br"}, b"\x0b\x02\x80abc\x03"),
        "/false": (200, {**HTML, "Content-Encoding": "gzip"}, b"this is not compressed"),
        "/data.json": (200, {"Content-Type": "application/json"}, b'{"oaks": 96, "keeper": "Ada"}'),
        "/feed.xml": (200, {"Content-Type": "application/rss+xml"}, b"<rss><item>An oak</item></rss>"),
        "/notes.txt": (200, {"Content-Type": "text/plain"}, b"plain words"),
        "/oak.png": (200, {"Content-Type": "image/png"}, b"\x89PNG"),
        "/oak.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF-1.7"),
        "/unnamed": (200, {"Content-Type": ""}, b"who knows"),
        "/moved": (302, {"Location": "/about#here"}, b""),
        "/round": (302, {"Location": "/round"}, b""),
        "/hidden": (302, {"Location": "/private/a"}, b""),
        "/inward": (302, {"Location": f"http://127.0.0.2:{port}/"}, b""),
        "/private/a": (200, HTML, page("Private", "<p>Programs that follow links do not read this page.</p>").encode()),
    }
