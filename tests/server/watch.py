"""What the tests of the watch share: its schedule, its days, and its forms."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

YANGON = ZoneInfo("Asia/Yangon")
KEY = "primary-oncall"
SCHEDULE = f"/on-call/schedules/{KEY}/"
OVERRIDE = f"{SCHEDULE}override/"


def local(day: int, hour: int = 10, *, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=YANGON)


def stretch(start: datetime, end: datetime) -> dict[str, str]:
    return {
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M}",
    }


def take_over(**more: str) -> dict[str, str]:
    return {
        "contact": "backend_engineer",
        "duty": "primary",
        **stretch(local(20), local(21)),
        **more,
    }


def blocks(page: Any, lane: int = 0) -> list[dict[str, Any]]:
    """Return what a page of the calendar draws in a lane, row after row."""
    strips = page.context["strips"]
    return [block for strip in strips for block in strip["lanes"][lane]["blocks"]]
