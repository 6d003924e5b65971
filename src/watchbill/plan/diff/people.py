"""People compared: who they are, how they are reached, and who is on call when.

Methods are masked, because a diff is read in reviews and pasted into chats. The
shifts of a schedule are compared instant by instant, so that a swap of two members, a
later handover and a new member all show as the stretches that change hands.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from watchbill.core.ladder import Target
from watchbill.core.oncall import DUTIES, Duty, Schedule, resolve, together
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval
from watchbill.plan.diff.change import Area, Change, Effect, listed
from watchbill.plan.diff.ladders import person
from watchbill.plan.lookup import name_of
from watchbill.plan.model import Plan

WEEKS_AHEAD = 8

_METHODS = (("phone", "phone"), ("e-mail", "email"), ("Slack", "slack_id"))


def compare_people(old: Plan, new: Plan) -> Iterator[Change]:
    """Yield contacts that came, went, or are reached in another way."""
    before = {one.key: one for one in old.directory.contacts}
    after = {one.key: one for one in new.directory.contacts}
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        who = person(old, new, key)
        if was is None or now is None:
            yield Change(
                area=Area.PEOPLE,
                effect=Effect.NEUTRAL,
                text=f"{who} {'is new' if now else 'is gone'}",
                key=key,
                before=_title(was),
                after=_title(now),
            )
        else:
            yield from _methods(was, now, who)
            yield from _attributes(was, now, who)
    yield from _fallback(old, new)


def _title(contact: Contact | None) -> str:
    return "" if contact is None else contact.title


def _methods(was: Contact, now: Contact, who: str) -> Iterator[Change]:
    for name, field in _METHODS:
        before, after = getattr(was, field) or "", getattr(now, field) or ""
        if before == after:
            continue
        masked = mask(before), mask(after)
        if not before or not after:
            effect = Effect.LOUDER if after else Effect.QUIETER
            reach = "can be" if after else "can no longer be"
            text = f"{who} {reach} reached by {name} ({masked[not before]})"
        else:
            effect = Effect.NEUTRAL
            text = f"{who} is reached by another {name} ({masked[1]}, was {masked[0]})"
        yield Change(
            area=Area.PEOPLE,
            effect=effect,
            text=text,
            key=f"{was.key}/{field}",
            before=masked[0],
            after=masked[1],
        )


def mask(text: str) -> str:
    """Return an address of which only the ends are shown: ``+95…56``, ``te…@x.com``."""
    if not text:
        return ""
    local, at, domain = text.rpartition("@")
    if at and local:
        return f"{local[:2]}…@{domain}"
    return f"{text[:3]}…{text[-2:]}" if len(text) > 7 else "…"


def _attributes(was: Contact, now: Contact, who: str) -> Iterator[Change]:
    compared = (
        ("name", was.name or "not filled in", now.name or "not filled in"),
        ("title", was.title, now.title),
        ("level", was.level, now.level),
        ("shift", was.shift or "none", now.shift or "none"),
        ("expertise", _listed(sorted(was.expertise)), _listed(sorted(now.expertise))),
        ("roles", _listed(sorted(was.roles)), _listed(sorted(now.roles))),
        ("languages", _listed(was.languages), _listed(now.languages)),
    )
    for name, before, after in compared:
        if before != after:
            yield Change(
                area=Area.PEOPLE,
                effect=Effect.NEUTRAL,
                text=f"the {name} of {who} is {after} instead of {before}",
                key=f"{was.key}/{name}",
                before=before,
                after=after,
            )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _fallback(old: Plan, new: Plan) -> Iterator[Change]:
    before, after = (_behind(plan, plan.fallback) for plan in (old, new))
    for key in sorted(before ^ after):
        is_new = key in after
        told = "told as well" if is_new else "no longer told"
        yield Change(
            area=Area.PEOPLE,
            effect=Effect.LOUDER if is_new else Effect.QUIETER,
            text=f"{person(old, new, key)} is {told} when a step reaches nobody",
            key=f"fallback/{key}",
            before="" if is_new else "told",
            after="told" if is_new else "",
        )


def _behind(plan: Plan, targets: tuple[Target, ...]) -> set[str]:
    roster = plan.roster()
    return {
        contact.key
        for target in targets
        for contact in roster.people(target, category=None, at=plan.meta.effective_at)
    }


def compare_weeks(old: Plan, new: Plan, *, since: datetime) -> Iterator[Change]:
    """Yield the stretches of the coming weeks in which another person is on call."""
    during = Interval(starts_at=since, ends_at=since + timedelta(weeks=WEEKS_AHEAD))
    for key in sorted({*old.schedules, *new.schedules}):
        was, now = old.schedules.get(key), new.schedules.get(key)
        if was is None or now is None:
            title = (now or old.schedules[key]).title
            yield Change(
                area=Area.ON_CALL,
                effect=Effect.LOUDER if now else Effect.QUIETER,
                text=f"the schedule {title} is {'new' if now else 'gone'}",
                key=key,
                before=was.title if was else "",
                after=now.title if now else "",
            )
            continue
        for stretch, held in _stretches(was, now, during):
            yield from _hands(old, new, now, stretch, held)


_Held = dict[Duty, tuple[str | None, str | None]]
"""Who holds each duty in the old plan and in the new one."""


def _hands(
    old: Plan, new: Plan, schedule: Schedule, during: Interval, held: _Held
) -> Iterator[Change]:
    """A stretch that changes hands; a duty that somebody stops holding stands alone."""
    zone = new.meta.zone
    starts, ends = (
        f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"
        for at in (during.starts_at, during.ends_at)
    )
    found: dict[Effect, list[tuple[Duty, str, str]]] = {}
    for duty, (before, after) in held.items():
        if before != after:
            names = (duty, _holder(old, before), _holder(new, after))
            found.setdefault(_effect(before, after), []).append(names)
    for effect, duties in found.items():
        hands = ", ".join(f"{duty} {to} (was {by})" for duty, by, to in duties)
        yield Change(
            area=Area.ON_CALL,
            effect=effect,
            text=f"{schedule.title} from {starts} to {ends}: {hands}",
            key=f"{schedule.key}/{during.starts_at.isoformat()}",
            before=", ".join(f"{duty} {by}" for duty, by, _ in duties),
            after=", ".join(f"{duty} {to}" for duty, _, to in duties),
        )


def _effect(before: str | None, after: str | None) -> Effect:
    if before is not None and after is not None:
        return Effect.NEUTRAL
    return Effect.QUIETER if after is None else Effect.LOUDER


def _holder(plan: Plan, key: str | None) -> str:
    contact = plan.directory.contact(key) if key else None
    return "nobody" if contact is None else name_of(plan, contact)


def _stretches(
    was: Schedule, now: Schedule, during: Interval
) -> Iterator[tuple[Interval, _Held]]:
    """Yield the stretches in which the same two people hold each duty throughout."""
    tracks = [
        resolve(schedule, during=during, duties=(duty,))
        for duty in DUTIES
        for schedule in (was, now)
    ]
    for stretch, holders in together(*tracks):
        pairs = zip(holders[::2], holders[1::2], strict=True)
        yield stretch, dict(zip(DUTIES, pairs, strict=True))


def named(old: Plan, new: Plan, roles: list[str]) -> str:
    """Return what to call the holders of roles, as in ``the CTO and the CEO``."""
    names = []
    for role in roles:
        plan = new if new.directory.knows(role) else old
        held = plan.directory.holders(role) if plan.directory.knows(role) else ()
        alone = len(held) == 1
        names.append(f"the {name_of(plan, held[0])}" if alone else role)
    return listed(names)
