"""No tool that takes an address reaches what is inner, however it is written, named or led to. Tools are found, not listed."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tests.support.hostile import HOSTILE, NAMES
from tests.support.wood import HTML, Wood, page
from tests.unit.workers.toolbox.web.conftest import Call, context_with
from webapp.common.addresses import Reach
from workers.toolbox.egress import Egress
from workers.toolbox.errors import ArgumentsInvalid
from workers.toolbox.registry import ToolResult, load_registry
from workers.toolbox.web.browser import Browser
from workers.toolbox.web.readers import Readers

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLIC = "93.184.216.34"
REGISTRY = load_registry()
# A part after # is not sent, "http://" alone means the page itself, and the test's server is on 127.0.0.1.
HARMLESS = ("http://127.0.0.1/", "http://", "http:///x")
REDIRECTED = [
    url
    for url in HOSTILE
    if "://" in url
    and url.isascii()
    and url.isprintable()
    and "#" not in url
    and " " not in url
    and url not in HARMLESS
]


def takes_address(name: str, schema: dict[str, Any]) -> bool:
    """By its format or its name, alone or in a list."""
    inner = schema.get("items", schema)
    return inner.get("type") == "string" and (inner.get("format") == "uri" or "url" in name)


FETCHING = [
    (spec["name"], name)
    for spec in REGISTRY.specs()
    for name, schema in spec["parameters"]["properties"].items()
    if takes_address(name, schema)
]


def sample(schema: dict[str, Any]) -> Any:
    """Something that a parameter takes."""
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": "a", "integer": schema.get("minimum", 1), "array": [], "boolean": False}[schema["type"]]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where sockets would have gone."""
    found: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        found.append(host)
        raise OSError("nobody there in a test")

    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect)
    return found


def guarded(*turns: dict[str, list[str]]) -> Browser:
    """As the product is shipped; each look-up of a name gets the next answer, the last one stays."""
    left = list(turns) or [cast(dict[str, list[str]], NAMES)]

    async def resolve(host: str, port: int) -> list[str]:
        answers = left.pop(0) if len(left) > 1 else left[0]
        return answers.get(host, [host])

    egress = Egress(Reach.of(ports=[80, 443], plain_http=True, allow=[]), within_s=5, body_bytes=10, resolve=resolve)
    return Browser(egress, Readers(size=1, within_s=1), page_bytes=10, per_site=4)


async def ask(fetching: tuple[str, str], url: str, browser: Browser) -> ToolResult:
    tool, parameter = fetching
    declared = REGISTRY.get(tool).parameters
    needed = {name: sample(declared["properties"][name]) for name in declared.get("required", ())}
    arguments = {**needed, parameter: [url] if declared["properties"][parameter]["type"] == "array" else url}
    REGISTRY.validate(tool, arguments)
    async with asyncio.timeout(30):
        return await REGISTRY.get(tool).run(arguments, context_with(browser))


async def test_the_tools_that_fetch_are_found() -> None:
    assert {("web_fetch", "url"), ("web_fetch", "urls"), ("web_subpage_fetch", "url"), ("web_crawl", "url")} <= set(
        FETCHING
    )
    assert len(HOSTILE) > 100 and len(REDIRECTED) > 60


@pytest.mark.parametrize("fetching", FETCHING, ids=map("-".join, FETCHING))
@pytest.mark.parametrize("url", HOSTILE)
async def test_an_inner_or_odd_address_is_refused(fetching: tuple[str, str], url: str, connected: list[str]) -> None:
    try:
        result = await ask(fetching, url, guarded())
    except ArgumentsInvalid:
        pass  # before it began
    else:
        assert result.error and result.error.code == "address.refused", result.output
    assert connected == []


@pytest.mark.parametrize("fetching", FETCHING, ids=map("-".join, FETCHING))
@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_leads_inside_is_refused(fetching: tuple[str, str], name: str, connected: list[str]) -> None:
    result = await ask(fetching, f"http://{name}/", guarded())
    assert result.error and result.error.code == "address.refused"
    assert connected == []


@pytest.mark.parametrize("fetching", FETCHING, ids=map("-".join, FETCHING))
async def test_a_name_that_changes_its_address_reaches_what_was_checked(
    fetching: tuple[str, str], connected: list[str]
) -> None:
    turns = [{"rebound.example": [PUBLIC]}, {"rebound.example": ["127.0.0.1"]}]
    result = await ask(fetching, "http://rebound.example/", guarded(*turns))
    assert not result.ok and connected == [PUBLIC]


@pytest.mark.parametrize("fetching", FETCHING, ids=map("-".join, FETCHING))
async def test_no_redirect_leads_inside(fetching: tuple[str, str], browser: Browser, wood: Wood) -> None:
    """The test's own server may be reached by its address and port, and nothing else."""
    wood.more |= {f"/r/{n}": (302, {"Location": url}, b"") for n, url in enumerate(REDIRECTED)}
    for n, url in enumerate(REDIRECTED):
        result = await ask(fetching, wood.url(f"/r/{n}"), browser)
        assert result.error and result.error.code == "address.refused", url
    assert set(wood.asked) <= {f"/r/{n}" for n in range(len(REDIRECTED))} | {"/robots.txt"}


async def test_a_page_that_links_inside_leads_nowhere(call: Call, wood: Wood) -> None:
    links = "".join(f'<a href="{url}">inner</a>' for url in REDIRECTED)
    wood.more["/links"] = (200, HTML, page("Links", f"<p>Look here: {links}</p>").encode())
    for result in (
        await call("web_fetch", url=wood.url("/links"), subpages=50),
        await call("web_subpage_fetch", url=wood.url("/links"), limit=100),
        await call("web_crawl", url=wood.url("/links"), limit=100),
    ):
        assert all(each["url"].startswith(wood.url("/")) for each in result.output["pages"])
        assert all(each["url"].startswith(wood.url("/")) for each in result.output.get("failed", []))
