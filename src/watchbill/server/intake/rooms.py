"""Where posts wait for their commit: a room for each integration, and one fair queue.

Two things must hold while a source floods us. Others get in: a room may hold only as
much as is *free* in the whole house, in number and in bytes. So one flooding source
fills half of it, two a third each, and there is always room for one more source. And
others get out: a batch takes one post of each room in turn, so that a single post
leaves with the next batch however many of another source stand before it.
"""

from collections import deque
from typing import Generic, Protocol, TypeVar


class OverloadedError(Exception):
    """More posts wait than may; the sender should come back."""


class Waiting(Protocol):
    """What waits."""

    @property
    def integration_id(self) -> int:
        """Whose it is."""

    @property
    def size(self) -> int:
        """Its bytes."""


_W = TypeVar("_W", bound=Waiting)


class _Room(Generic[_W]):
    __slots__ = ("bytes", "count", "queue")

    def __init__(self) -> None:
        self.queue: deque[_W] = deque()
        #: Of all that is held, also by a commit under way.
        self.count = 0
        self.bytes = 0


class WaitingRooms(Generic[_W]):
    """Posts of all integrations, from their acceptance until `leave` lets them go."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._rooms: dict[int, _Room[_W]] = {}
        #: The integrations with posts that no batch has taken yet, whose turn is next
        #: first.
        self._turns: deque[int] = deque()
        self._count = 0
        self._bytes = 0

    def __len__(self) -> int:
        """How many are held, taken by a batch or not."""
        return self._count

    @property
    def bytes(self) -> int:
        """How many bytes are held."""
        return self._bytes

    @property
    def has_next(self) -> bool:
        """Whether a batch would be more than empty."""
        return bool(self._turns)

    def enter(self, one: _W) -> None:
        """Take one in, or raise `OverloadedError` because its room is full."""
        room = self._rooms.get(one.integration_id)
        count, held = (room.count, room.bytes) if room is not None else (0, 0)
        is_full = count >= self._most - self._count
        if is_full or held + one.size > self._most_bytes - self._bytes:
            raise OverloadedError
        if room is None:
            room = self._rooms[one.integration_id] = _Room()
        if not room.queue:
            self._turns.append(one.integration_id)
        room.queue.append(one)
        room.count += 1
        room.bytes += one.size
        self._count += 1
        self._bytes += one.size

    def take(self, *, most: int, most_bytes: int) -> list[_W]:
        """Return the next batch, at least one if any waits; each still has its place.

        Posts of one integration stay in their order.
        """
        batch: list[_W] = []
        size = 0
        turns, rooms = self._turns, self._rooms
        while turns and len(batch) < most and (size < most_bytes or not batch):
            room = rooms[turns[0]]
            one = room.queue.popleft()
            batch.append(one)
            size += one.size
            if not room.queue:
                turns.popleft()
            elif len(turns) > 1:
                turns.rotate(-1)
        return batch

    def leave(self, batch: list[_W]) -> None:
        """Give up the places of a batch."""
        rooms = self._rooms
        for one in batch:
            room = rooms[one.integration_id]
            room.count -= 1
            room.bytes -= one.size
            self._count -= 1
            self._bytes -= one.size
            if not room.count:
                del rooms[one.integration_id]
