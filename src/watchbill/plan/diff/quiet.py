"""Quiet compared: which alerts page nobody, or not again, under either plan (S4)."""

from collections.abc import Iterator

from watchbill.core.flapping import FlapRule
from watchbill.core.storms import StormRule
from watchbill.core.suppression import InhibitRule
from watchbill.core.temporal import describe
from watchbill.plan.alerting import Alerting
from watchbill.plan.diff.change import Area, Change, Effect
from watchbill.plan.model import Plan


def compare_quiet(old: Plan, new: Plan) -> Iterator[Change]:
    """Yield what holds back more pages, or fewer, than before."""
    before, after = old.alerting, new.alerting
    yield from _inhibitions(before, after)
    if before.flapping != after.flapping:
        yield _flapping(before.flapping, after.flapping)
    if before.storm != after.storm:
        yield _storms(before.storm, after.storm)
    if before.resolve_timeout != after.resolve_timeout:
        was, now = describe(before.resolve_timeout), describe(after.resolve_timeout)
        text = f"an alert that is not repeated is over after {now} instead of {was}"
        yield _change("resolve_timeout", Effect.NEUTRAL, text, was, now)


def _inhibitions(before: Alerting, after: Alerting) -> Iterator[Change]:
    old, new = ({_said(rule) for rule in one.inhibit} for one in (before, after))
    for said in sorted(old ^ new):
        is_new = said in new
        yield _change(
            f"inhibit/{said}",
            Effect.QUIETER if is_new else Effect.LOUDER,
            f"{said}: {'that is new' if is_new else 'no longer'}",
            "" if is_new else "there",
            "there" if is_new else "",
        )


def _said(rule: InhibitRule) -> str:
    source, target = (
        " and ".join(sorted(str(matcher) for matcher in side))
        for side in (rule.source, rule.target)
    )
    agreeing = f" and has the same {', '.join(sorted(rule.equal))}"
    return (
        f"alerts with {target} page nobody while one with {source} fires"
        f"{agreeing if rule.equal else ''}"
    )


def _flapping(before: FlapRule | None, after: FlapRule | None) -> Change:
    was, now = (_flap_words(one) for one in (before, after))
    if before is None or after is None:
        text = (
            f"ends of alerts that flap are not believed at once: {now}"
            if after
            else "every end of an alert is believed at once, however often it comes"
        )
        effect = Effect.QUIETER if after else Effect.LOUDER
        return _change("flapping", effect, text, was, now)
    effect = _effect(
        fewer=after.flips - before.flips,
        longer=(
            (after.within - before.within).total_seconds(),
            (after.hold_down - before.hold_down).total_seconds(),
        ),
    )
    text = f"an alert flaps by {now} instead of {was}"
    return _change("flapping", effect, text, was, now)


def _flap_words(rule: FlapRule | None) -> str:
    if rule is None:
        return ""
    within, quiet = describe(rule.within), describe(rule.hold_down)
    return f"{rule.flips} flips within {within} until {quiet} of quiet"


def _storms(before: StormRule | None, after: StormRule | None) -> Change:
    was, now = (_storm_words(one) for one in (before, after))
    if before is None or after is None:
        text = (
            f"alerts beyond {now} share an incident"
            if after
            else "every group of alerts has an incident of its own, however many come"
        )
        effect = Effect.QUIETER if after else Effect.LOUDER
        return _change("storm", effect, text, was, now)
    effect = _effect(
        fewer=after.incidents - before.incidents,
        longer=((after.within - before.within).total_seconds(),),
    )
    text = f"alerts beyond {now} instead of {was} share an incident"
    return _change("storm", effect, text, was, now)


def _storm_words(rule: StormRule | None) -> str:
    if rule is None:
        return ""
    return f"{rule.incidents} incidents of one severity within {describe(rule.within)}"


def _effect(*, fewer: float, longer: tuple[float, ...]) -> Effect:
    """Whether a rule holds back more: it needs fewer, or looks over a longer time."""
    steps = (-fewer, *longer)
    if all(step >= 0 for step in steps):
        return Effect.QUIETER
    return Effect.LOUDER if all(step <= 0 for step in steps) else Effect.NEUTRAL


def _change(key: str, effect: Effect, text: str, before: str, after: str) -> Change:
    return Change(
        area=Area.ALERTS,
        effect=effect,
        text=text,
        key=key,
        before=before,
        after=after,
    )
