"""Progress as a row would hold it: what a restart reads back."""

import json
from datetime import datetime

from watchbill.core.escalation import Progress


def restarted(progress: Progress) -> Progress:
    """Return the progress after a trip through text."""
    fallback_at = progress.fallback_at
    text = json.dumps(
        {
            "done": sorted(progress.done),
            "brought_forward": {
                key: moment.isoformat()
                for key, moment in progress.brought_forward.items()
            },
            "fallback_at": None if fallback_at is None else fallback_at.isoformat(),
            "fallback_tries": progress.fallback_tries,
        }
    )
    row = json.loads(text)
    stored_at = row["fallback_at"]
    return Progress(
        done=frozenset(row["done"]),
        brought_forward={
            key: datetime.fromisoformat(moment)
            for key, moment in row["brought_forward"].items()
        },
        fallback_at=None if stored_at is None else datetime.fromisoformat(stored_at),
        fallback_tries=row["fallback_tries"],
    )
