"""Which views show personal data in full (SC-05)."""

from collections.abc import Callable
from typing import Any, TypeVar

_V = TypeVar("_V", bound=Callable[..., Any])


def shows_people(view: _V) -> _V:
    """Mark a view that shows phone numbers or addresses to who may see them."""
    view.watchbill_shows_people = True  # type: ignore[attr-defined]
    return view


def is_marked(view: Callable[..., Any]) -> bool:
    """Whether a view shows phone numbers or addresses in full."""
    return bool(getattr(view, "watchbill_shows_people", False))
