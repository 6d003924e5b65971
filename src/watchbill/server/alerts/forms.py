"""What people look for among the alerts, as it stands in the address."""

from collections.abc import Mapping

from watchbill.server.alerts.search import MARKS, SHOWS, Filters


def filters_of(asked: Mapping[str, str]) -> Filters:
    """Return the filters of an address; what makes no sense there is passed over."""
    show, mark, source = (asked.get(name, "") for name in ("show", "mark", "source"))
    is_number = source.isascii() and source.isdigit() and len(source) < 16
    return Filters(
        show=show if show in SHOWS else SHOWS[0],
        mark=mark if mark in MARKS else "",
        severity=asked.get("severity", "")[:40],
        route=asked.get("route", "")[:80],
        integration=int(source) if is_number else None,
        text=asked.get("q", "").strip()[:200],
    )
