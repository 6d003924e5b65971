"""Tree: the entries of a plan's file by the keys that people use for them.

A list of entries is walked by names that stay when something is added above: the id
of a contact, the time and verb of a step. The place where each part is written goes
with it, so that whatever is said of a key can point at its line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, takewhile

from pydantic import BaseModel

from watchbill.plan.schema import StepEntry
from watchbill.plan.source import Document, Path
from watchbill.plan.values import write_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an entry."""

    #: What people call it, such as ``technical_lead`` or ``15m-escalate``.
    name: str
    #: Its key or its place in the list, as the document has it.
    place: str | int
    value: object


def parts(entry: object) -> Iterator[Part]:
    """Yield the parts of a section, a mapping or a list of sections, in order."""
    if isinstance(entry, BaseModel):
        for field_name, field in type(entry).model_fields.items():
            key = field.alias or field_name
            yield Part(name=key, place=key, value=getattr(entry, field_name))
    elif isinstance(entry, Mapping):
        for key, value in entry.items():
            yield Part(name=str(key), place=str(key), value=value)
    elif isinstance(entry, tuple) and any(isinstance(one, BaseModel) for one in entry):
        taken: Counter[str] = Counter()
        for place, item in enumerate(entry):
            name = _entry_name(item, place)
            taken[name] += 1
            number = f"-{taken[name]}" if taken[name] > 1 else ""
            yield Part(name=f"{name}{number}", place=place, value=item)


def _entry_name(item: object, place: int) -> str:
    if isinstance(item, StepEntry) and item.id is None:
        return f"{write_duration(item.after)}-{item.do}"
    return str(getattr(item, "id", None) or place + 1)


def shown(value: object, document: Document, path: Path) -> str:
    """Return a value as it is written, or as a plan would write it."""
    raw = document.raw(path)
    if raw is not None:
        return raw
    words = list(takewhile(bool, (document.raw((*path, n)) or "" for n in count())))
    return f"[{', '.join(words)}]" if words else written(value)


def written(value: object) -> str:
    """Return a value that is not written out, as a plan would write it."""
    match value:
        case None:
            return "nothing"
        case timedelta():
            return write_duration(value)
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(written(one) for one in value)}]"
        case Mapping():
            pairs = (f"{key}: {written(one)}" for key, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        case _:
            return str(value)


def meets(key: tuple[str, ...], pattern: str) -> bool:
    """Return whether a key is of a pattern: ``*`` is any name, a last ``**`` any rest.

    >>> meets(("severities", "P1", "response"), "severities.*.response")
    True
    """
    wanted = pattern.split(".")
    if wanted[-1] == "**":
        wanted = wanted[:-1]
        key = key[: len(wanted)]
    pairs = zip(key, wanted, strict=False)
    return len(key) == len(wanted) and all(one in {"*", name} for name, one in pairs)
