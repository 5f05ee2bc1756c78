"""Checks a version of the catalogue in a process of its own, since odd YAML can grow without end.

    echo '{"more": "strategy: quality", "environment": "production"}' | python -m workers.gateway.check

`more` is what the version says beyond the shipped file. Prints `{"ok": {...}}` with what it comes to, or
`{"error": "catalogue.yaml: tiers.small.0.model (from your version): ..."}`. Whoever starts it sets the time limit.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import TypedDict

from workers.gateway.catalogue import SHIPPED, Catalogue
from workers.gateway.errors import CatalogueInvalid

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 10


class Summary(TypedDict):
    """
    E.g. `{"revision": "0f3c2a91b77d", "providers": 18, "models": 49, "configured": ["openai", "offline"], ...}`.

    Attributes:
        unpriced: models that would not be called, as provider/model.
    """

    revision: str
    strategy: str
    providers: int
    models: int
    configured: list[str]
    unpriced: list[str]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    asked = json.load(sys.stdin)
    try:
        found = Catalogue.load(SHIPPED, os.environ, environment=asked.get("environment"), more=asked.get("more"))
    except CatalogueInvalid as error:
        print(json.dumps({"error": str(error)}))
    else:
        print(json.dumps({"ok": summary_of(found)}))


def summary_of(catalogue: Catalogue) -> Summary:
    listing = catalogue.listing()
    models = [(provider["name"], model) for provider in listing["providers"] for model in provider["models"]]
    return {
        "revision": listing["revision"],
        "strategy": listing["strategy"],
        "providers": len(listing["providers"]),
        "models": len(models),
        "configured": [provider["name"] for provider in listing["providers"] if provider["configured"]],
        "unpriced": [f"{name}/{model['model']}" for name, model in models if model["price"] is None],
    }


if __name__ == "__main__":
    main()
