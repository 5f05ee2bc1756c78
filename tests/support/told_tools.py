"""What workers would have told of their tools, for tests of the web alone."""

from __future__ import annotations

from typing import Any

from webapp.catalogue.models import CatalogueSnapshot
from workers.toolbox.listing import listing_of
from workers.toolbox.registry import load_registry

NOTHING = {"revision": "", "providers": [], "shares": {}}


def tell_tools(**changed: Any) -> None:
    """Hartley's own; `changed`: what a further one called `odd_tool` has unlike the calculator."""
    told = listing_of(load_registry())
    if changed:
        told["tools"].append({**told["tools"][0], "name": "odd_tool", **changed})
    fresh = {"revision": "", "body": NOTHING, "worker": "tests", "tools": told}
    CatalogueSnapshot.objects.update_or_create(id=1, defaults={"tools": told}, create_defaults=fresh)
