"""Every page: nothing to complain of for axe, for the console, for who has no mouse; and no page is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import URLPattern
from playwright.sync_api import Browser, Page

from tests.support.browser import visitor
from tests.support.cast import PASSWORD, Cast
from tests.support.farm import Farm
from tests.support.pages import signed_in
from tests.support.site import Look
from webapp.dashboard.urls import urlpatterns

NO_PAGES = {  # they act, answer a part of a page, or belong to Flower
    "sign-out", "tasks/<uuid:name>/cancel", "tasks/<uuid:name>/pause", "tasks/<uuid:name>/resume", "tasks/<uuid:name>/replay",
    "tasks/<uuid:name>/files/<str:sha256>", "workers/pulse", "tasks/quote",
    "sessions/<uuid:name>/files", "sessions/<uuid:name>/files/<path:path>", "sessions/<uuid:name>/remove-file",
    "keys/<str:key>/revoke", "keys/providers", "keys/providers/<str:provider>/remove", "freezes/<str:name>/thaw", "prompts/<str:name>/in-force/<str:version>",
    "tools/<str:name>/switch", "tools/<str:name>/in-force/<int:version>", "tools/<str:name>/remove",
    "tool-sources/<str:name>/accept", "tool-sources/<str:name>/switch", "tool-sources/<str:name>/look", "tool-sources/<str:name>/remove",
    "alerts/<int:name>/seen", "alerts/webhooks/<uuid:name>/switch", "alerts/webhooks/<uuid:name>/test",
    "alerts/webhooks/<uuid:name>/remove", "alerts/webhooks/<uuid:webhook>/<uuid:name>/retry", "budgets/ledger.csv", "budgets/<uuid:name>/limits", "flower/", "flower/<path:path>",
}  # fmt: skip
AXE = {
    "resultTypes": ["violations"],
    "preload": False,  # it would add styles of its own, which the policy forbids
}
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary"
SEEN = f"""() => [...document.querySelectorAll('{FOCUSABLE}')].filter(one => one.checkVisibility({{visibilityProperty: true}})
    && !one.disabled && one.tabIndex >= 0 && one.getClientRects().length
    && !(one.closest('details:not([open])') && !one.matches('summary')))"""


def test_no_page_is_forgotten(site: list[Look]) -> None:
    routes = {str(pattern.pattern) for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert routes == NO_PAGES | {look.route for look in site} - {"admin/"}


# What a page renews meanwhile would not be known again.
STAY = "() => document.body.addEventListener('htmx:beforeSwap', swap => { swap.detail.shouldSwap = false })"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_axe_and_the_console_have_nothing_to_complain_of_and_nothing_is_cut_off(
    width: int, scheme: Any, chromium: Browser, farm: Farm, cast: Cast, site: list[Look]
) -> None:
    found: list[str] = []
    with visitor(chromium, farm.url, width=width, height=900, scheme=scheme) as window:
        found += violations(window.open("/sign-in"), "sign-in")
        window.sign_in(cast.owner.user.email, PASSWORD)
        for look in site[1:]:
            page = window.open(look.path)
            page.wait_for_load_state()
            found += violations(page, look.name)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width and not look.name.startswith("admin"):
                found.append(f"{look.name}: {wide} pixels wide")
        complaints = [text for text in window.complaints if "/nowhere" not in text]
    assert not found, "\n".join(found)
    assert not complaints, "\n".join(complaints)


def violations(page: Page, name: str) -> list[str]:
    result = Axe().run(page, options=AXE)
    return [
        f"{name}: {each['id']} ({each['impact']}): {each['help']}: {each['nodes'][0]['html'][:160]}"
        for each in result.response["violations"]
    ]


def test_each_page_can_be_used_without_a_mouse(chromium: Browser, farm: Farm, cast: Cast, site: list[Look]) -> None:
    missed: list[str] = []
    with visitor(chromium, farm.url) as window:
        window.sign_in(cast.owner.user.email, PASSWORD)
        for look in [look for look in site[1:] if not look.name.startswith("admin")]:
            page = window.open(look.path)
            page.evaluate(STAY)
            page.evaluate(f"() => ({SEEN})().forEach((one, at) => one.dataset.seen = at)")
            wanted = page.evaluate(f"() => ({SEEN})().map(one => one.outerHTML.slice(0, 100))")
            reached: set[str] = set()
            for _ in range(len(wanted) * 2 + 40):
                page.keyboard.press("Tab")
                at = page.evaluate("document.activeElement.dataset.seen ?? ''")
                if at in reached and at == "0":
                    break
                reached |= {at}
            missed += [f"{look.name}: {html}" for at, html in enumerate(wanted) if str(at) not in reached]
    assert not missed, "\n".join(missed[:20])


def test_the_content_security_policy_forgives_nothing(farm: Farm, cast: Cast, site: list[Look]) -> None:
    client, nobody = signed_in(cast.owner), Client()
    for look in site:
        policy = (nobody if look.name == "sign-in" else client).get(look.path)["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "'nonce-" in policy, look.name
        assert "unsafe" not in policy and "*" not in policy, look.name
        assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy, look.name
