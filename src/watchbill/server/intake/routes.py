"""Which source a request is for, and what of its address is the source's.

Four forms are understood::

    /intake/<kind>/<key>[/<rest>]      the key in the path
    /intake/<kind>[/<rest>]            the key in Authorization, or in the body
    <a door of a source>[/<rest>]      as the clients of another product call it; the
                                       key may be the first part of the rest

What looks like a key is one. Otherwise a part of the path is the key only where no
other place has one, so that a wrong key is called wrong and not an unknown address.

Some sources stand in for a product that can be read as well: amtool asks for alerts
where Prometheus posts them. What is below such a source's address but not one of its
doors, or not with a door's method, belongs to the pages of ``server/compat``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from watchbill.integrations.sources import Door, Inbound, Source
from watchbill.server.intake.keys import in_header, is_like_a_key
from watchbill.server.intake.refusal import Refusal

PREFIX = "/intake/"

_KIND = re.compile(r"[a-z_]{1,20}")
"""What may be quoted as a kind: nothing that is as long as a key."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes."""

    kind: str
    source: Inbound
    #: What the source's module is told as ``Post.path``.
    path: str
    #: From the path or the header; empty when it may be in the body.
    key: str


class Routes:
    """The addresses of all sources."""

    def __init__(self, sources: Mapping[str, Inbound]) -> None:
        self._sources = dict(sources)
        self._doors: dict[str, list[tuple[Door, str]]] = {}
        for kind, source in sources.items():
            for door in source.SOURCE.doors:
                self._doors.setdefault(door.path.rstrip("/"), []).append((door, kind))

    def source(self, kind: str) -> Inbound:
        """Return a source, or raise the `Refusal` that names those there are."""
        source = self._sources.get(kind)
        if source is None:
            known = ", ".join(sorted(self._sources))
            # Whoever forgets the kind has a key here, which may be shown nowhere.
            named = f" {kind!r}" if _KIND.fullmatch(kind) else ""
            problem = f"there is no kind{named} at this place of the address"
            hint = f"post to /intake/KIND/KEY, where KIND is one of {known}"
            raise Refusal(404, "unknown_kind", problem, hint=hint)
        return source

    def is_ours(self, path: str) -> bool:
        """Whether a path may be one of a source."""
        return path.startswith(PREFIX) or self._at_door(path) is not None

    def find(self, method: str, path: str, authorization: str) -> Route | None:
        """Return where a request goes; None for the pages of Django.

        Raises `Refusal` for a kind or a method that there is not.
        """
        if path.startswith(PREFIX):
            return self._below_prefix(method, path, authorization)
        found = self._at_door(path)
        if found is None:
            return None
        doors, rest = found
        for door, kind in doors:
            if method in door.methods:
                source = self._sources[kind]
                key = in_header(authorization, source.SOURCE.schemes)
                first, _, after = rest.partition("/")
                if not key and is_like_a_key(first, source.SOURCE):
                    key, rest = first, after.strip("/")
                return Route(kind, source, _joined(door.prefix, rest), key)
        return None

    def _at_door(self, path: str) -> tuple[list[tuple[Door, str]], str] | None:
        """Return the doors with the longest path that a path is at or below."""
        if not self._doors:
            return None
        place = path.rstrip("/")
        while place:
            doors = self._doors.get(place)
            if doors is not None:
                return doors, path[len(place) :].strip("/")
            place = place.rpartition("/")[0]
        return None

    def _below_prefix(self, method: str, path: str, authorization: str) -> Route | None:
        kind, _, rest = path[len(PREFIX) :].partition("/")
        source = self.source(kind)
        spec = source.SOURCE
        key = ""
        if rest:
            first, _, after = rest.partition("/")
            if is_like_a_key(first, spec):
                key, rest = first, after
        if not key:
            key = in_header(authorization, spec.schemes)
        if not key and rest and not hasattr(source, "key_of"):
            key, _, rest = rest.partition("/")
        rest = rest.strip("/")
        if rest and spec.doors:
            told = _through_door(method, rest, spec)
            return Route(kind, source, told, key) if told is not None else None
        if method not in spec.methods:
            raise _wrong_method(spec)
        return Route(kind, source, rest, key)


def _through_door(method: str, rest: str, spec: Source) -> str | None:
    """Return the path that a source is told for an address below its own."""
    for door in sorted(spec.doors, key=lambda one: -len(one.path)):
        if method not in door.methods:
            continue
        for place in (door.path.strip("/"), door.prefix.strip("/")):
            if place and (rest == place or rest.startswith(place + "/")):
                return _joined(door.prefix, rest[len(place) :].strip("/"))
    return None


def _joined(prefix: str, rest: str) -> str:
    return "/".join(part for part in (prefix.strip("/"), rest) if part)


def _wrong_method(spec: Source) -> Refusal:
    allowed = ", ".join(sorted(spec.methods))
    return Refusal(
        405,
        "wrong_method",
        f"only {allowed} is understood here",
        headers=(("allow", allowed),),
    )
