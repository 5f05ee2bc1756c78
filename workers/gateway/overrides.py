"""What the environment says about the catalogue: values by nested key, and providers' keys and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from workers.gateway.errors import CatalogueInvalid
from workers.gateway.layers import Path, Sources, merged

PREFIX = "CONFIG__"


def apply_environment(raw: dict[str, Any], environ: Mapping[str, str], sources: Sources) -> dict[str, Any]:
    """
    The catalogue with the variables laid over it; `sources` learns which variable set which key.

    Raises:
        CatalogueInvalid: a variable names a place that the catalogue doesn't have.
    """
    for path, name in list(_connections(raw, environ)):
        raw = merged(raw, _at(path, environ[name]), name=name, sources=sources)
    for name in sorted(environ):
        if name.startswith(PREFIX):
            path = _place(raw, name)
            raw = merged(raw, _at(path, _parsed(name, environ[name])), name=name, sources=sources)
    return raw


def _connections(raw: dict[str, Any], environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where an `api_key_env` or `base_url_env` of a provider has a value; an empty one counts as none."""
    providers = raw.get("providers")
    for provider, body in (providers if isinstance(providers, dict) else {}).items():
        for key in ("api_key", "base_url"):
            name = body.get(f"{key}_env") if isinstance(body, dict) else None
            if isinstance(name, str) and environ.get(name):
                yield ("providers", provider, key), name


def _place(raw: dict[str, Any], name: str) -> Path:
    """The path that the variable means."""
    place: Any = raw
    path: list[str] = []
    parts = name[len(PREFIX) :].split("__")
    for part in parts[:-1]:
        key = _key(place, part)
        if not isinstance(place.get(key), dict):
            raise CatalogueInvalid(f"{name}: the catalogue has no mapping {'.'.join([*path, key])}")
        place = place[key]
        path.append(key)
    return (*path, _key(place, parts[-1]))


def _key(place: dict[str, Any], part: str) -> str:
    """The key that is meant: variables know neither case nor dashes."""
    return next((key for key in place if _plain(str(key)) == _plain(part)), part.lower())


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", text.lower())


def _parsed(name: str, value: str) -> Any:
    """Lists and mappings are YAML; a plain value stays text, since YAML would take some keys for numbers."""
    if not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise CatalogueInvalid(f"{name}: this is not YAML") from None


def _at(path: Path, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)
