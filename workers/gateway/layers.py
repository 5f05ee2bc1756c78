"""The catalogue in layers: the file, its part for the environment, the operator's own version. A later one goes before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from workers.gateway.errors import CatalogueInvalid

ENVIRONMENTS = ("development", "staging", "production")
OWN = "your version"
KEY_VARIABLES, ADDRESS_VARIABLES = "_API_KEY", "_BASE_URL"
Path = tuple[str, ...]


class Sources(dict[Path, str]):
    """Which layer set which key, the latest last; what the file itself says has no entry."""

    def note(self, path: Path, value: object, name: str) -> None:
        self.pop(path, None)
        self[path] = name
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self.note((*path, str(key)), inner, name)

    def of(self, path: tuple[int | str, ...]) -> str:
        """The name of the layer that last set the key or what holds it; "" for the file."""
        names = [name for place, name in self.items() if path[: len(place)] == place]
        return names[-1] if names else ""


def parsed(text: str, name: str) -> dict[str, Any]:
    """
    Raises:
        CatalogueInvalid: it is no YAML mapping.
    """
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise CatalogueInvalid(f"{name} is not YAML: {error}") from None
    except RecursionError:
        raise CatalogueInvalid(f"{name} is nested too deeply") from None
    if not isinstance(raw, dict):
        raise CatalogueInvalid(f"{name} must be a mapping with providers and tiers")
    return raw


def layered(
    raw: dict[str, Any], *, file: str, environment: str | None, more: str | None
) -> tuple[dict[str, Any], Sources]:
    """
    The file with what is laid over it. `raw` is left as it is.

    Args:
        more: YAML; blank counts as nothing.
    Raises:
        CatalogueInvalid
    """
    sources = Sources()
    base = {key: value for key, value in raw.items() if key != "environments"}
    part = _part(raw.get("environments") or {}, environment, file)
    whole = merged(base, part, name=f"environments.{environment}", sources=sources)
    if more and more.strip():
        own = parsed(more, OWN)
        _check_secrets(own)
        try:
            whole = merged(whole, own, name=OWN, sources=sources)
        except RecursionError:  # an alias of what it stands in
            raise CatalogueInvalid(f"{OWN} is nested too deeply") from None
    return whole, sources


def merged(
    base: Mapping[str, Any], part: Mapping[str, Any], *, name: str, sources: Sources, path: Path = ()
) -> dict[str, Any]:
    """Mappings key by key, to any depth; a list or plain value takes the place of what was there."""
    whole = dict(base)
    for key, value in part.items():
        here = (*path, str(key))
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key] = merged(whole[key], value, name=name, sources=sources, path=here)
        else:
            whole[key] = value
            sources.note(here, value, name)
    return whole


def _part(environments: object, chosen: str | None, file: str) -> Mapping[str, Any]:
    """Of the environment that was chosen; one that the file says nothing about changes nothing."""
    parts: dict[Any, Any] = environments if isinstance(environments, dict) else {"": environments}
    for name, body in parts.items():
        if name not in ENVIRONMENTS:
            raise CatalogueInvalid(f"{file}: environments: must be a mapping of {', '.join(ENVIRONMENTS)}")
        if body is not None and not isinstance(body, dict):
            raise CatalogueInvalid(f"{file}: environments.{name}: must be a mapping")
    if chosen is not None and chosen not in ENVIRONMENTS:
        raise CatalogueInvalid(f"there is no environment {chosen}; it is one of {', '.join(ENVIRONMENTS)}")
    part: Mapping[str, Any] | None = parts.get(chosen)
    return part or {}


def _check_secrets(own: Mapping[str, Any]) -> None:
    """
    An own version is kept and shown as it is, so it holds no key. Nor may it send other variables out as keys or
    addresses: a model's server could be anybody's.
    """
    for provider, body in _mappings(own.get("providers")):
        if "api_key" in body:
            raise CatalogueInvalid(f"{OWN}: providers.{provider}.api_key: a key is set by environment, not here")
        for key, ending in (("api_key_env", KEY_VARIABLES), ("base_url_env", ADDRESS_VARIABLES)):
            named = body.get(key)
            if named is not None and not str(named).endswith(ending):
                raise CatalogueInvalid(f"{OWN}: providers.{provider}.{key}: must end in {ending}")


def _mappings(place: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(place, dict):
        yield from ((str(name), body) for name, body in place.items() if isinstance(body, dict))
