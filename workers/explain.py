"""Which models would be asked now, and why not the others, by the catalogue that a worker has when it starts now.

    python -m workers.explain --tier medium --needs vision

Calls no model. What a worker has learned of models while it ran is not known here, so `performance` and `scored` stand
as in a worker that has just started.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.conf import settings

import workers.app  # noqa: F401  (sets Django up, before models are imported)
from workers.gateway.errors import CatalogueInvalid
from workers.gateway.explain import explain, parser
from workers.services import Services


def main(arguments: Sequence[str] | None = None) -> int:
    """1: no model fits; 2: the catalogue or the question is wrong, or the version in force can't be read."""
    asked = parser().parse_args(arguments)
    made = Services()
    made.version.look()
    if made.version.mistake:
        print(f"The version in force can't be read: {made.version.mistake}", file=sys.stderr)
        return 2
    try:
        catalogue = made.catalogue
    except CatalogueInvalid as error:
        print(error, file=sys.stderr)
        return 2
    number = made.version.number
    version = "no version of your own" if number is None else f"version {number}"
    print(f"The catalogue of {settings.ENVIRONMENT} with {version}, {catalogue.revision}")
    return explain(catalogue, asked)


if __name__ == "__main__":
    sys.exit(main())
