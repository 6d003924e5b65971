"""Values kept as JSON in a column, read back as what they were.

msgspec takes the fields of a dataclass down when it first meets it, and other threads
may see them half written: two threads that read the first values of one kind at once
end the whole process with a segmentation fault (seen with 0.22.0; an engine died of
it). So each kind is met here once, while modules are imported, which one thread does.
"""

from typing import Generic, TypeVar

import msgspec

_T = TypeVar("_T")


class Stored(Generic[_T]):
    """How values of one dataclass are read from their column; made at import."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type[_T]) -> None:
        self._kind = kind
        msgspec.json.Decoder(kind)

    def read(self, value: object) -> _T:
        """Return the value; raise msgspec.ValidationError when it is none."""
        return msgspec.convert(value, self._kind)
