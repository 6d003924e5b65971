"""The audit log as the command line reads it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from watchbill.core.ledger import Head, Verdict, verify
from watchbill.server import clock
from watchbill.server.audit import actions, exports, queries
from watchbill.server.audit.models import Change


def verify_all(heads: Iterable[Head] = ()) -> Verdict:
    """Follow the whole chain, and hold heads that are known from elsewhere to it."""
    verdict = verify(queries.sealed(1))
    if verdict.broken:
        return verdict
    for known in sorted(heads, key=lambda one: one.position):
        found = queries.head_at(known.position)
        if found is None:
            text = (
                f"line {known.position} was there and is gone;"
                f" the log ends at line {verdict.head.position}"
            )
            return Verdict(head=verdict.head, broken=text)
        if found != known:
            text = f"line {known.position} is another one than the head that was given"
            return Verdict(head=verdict.head, broken=text)
    return verdict


def unsealed() -> int:
    """Return how many lines wait for their seal."""
    return queries.unsealed()


def export(
    starts_at: datetime | None, ends_at: datetime | None, *, wants_csv: bool
) -> Iterator[str]:
    """Yield the sealed lines of a period; that they were handed out is a line too."""
    actions.seal_all()
    first, last = queries.stretch(starts_at, ends_at)
    actions.record(
        "audit.export",
        wall=clock.wall(),
        change=Change.SHOWN,
        subject=("auditentry", f"{first}-{last}"),
    )
    lines = queries.sealed(first, last)
    if wants_csv:
        yield from exports.as_csv(lines)
        return
    after, head = queries.head_at(first - 1), queries.head_at(last)
    if after is None or head is None:
        message = "the chain is broken; run “watchbill audit verify”"
        raise LookupError(message)
    yield from exports.as_json(lines, after=after, head=head)
