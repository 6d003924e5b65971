"""Progress as a row would hold it: what a restart reads back."""

import json
from dataclasses import fields
from datetime import datetime

from watchbill.core.escalation import Progress


def restarted(progress: Progress) -> Progress:
    """Return the progress after a trip through text."""
    text = json.dumps(
        {
            "done": sorted(progress.done),
            "brought_forward": {
                key: moment.isoformat()
                for key, moment in progress.brought_forward.items()
            },
            "fallback_at": _written(progress.fallback_at),
            "fallback_tries": progress.fallback_tries,
            "repeat_at": _written(progress.repeat_at),
            "repeats": progress.repeats,
            "round": progress.round,
            "round_at": _written(progress.round_at),
        }
    )
    row = json.loads(text)
    assert set(row) == {field.name for field in fields(Progress)}
    return Progress(
        done=frozenset(row["done"]),
        brought_forward={
            key: datetime.fromisoformat(moment)
            for key, moment in row["brought_forward"].items()
        },
        fallback_at=_read(row["fallback_at"]),
        fallback_tries=row["fallback_tries"],
        repeat_at=_read(row["repeat_at"]),
        repeats=row["repeats"],
        round=row["round"],
        round_at=_read(row["round_at"]),
    )


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
