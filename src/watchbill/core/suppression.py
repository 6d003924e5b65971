"""Suppression: why nobody is paged for an alert that fires.

A *mute* holds back pages, never state: the alert is recorded, fires and is listed,
and what fired during a maintenance can be read afterwards (A52). There are three:

* a *silence*, which a person sets on matchers from one instant to another;
* an *inhibition*: while a source alert fires, a target alert says nothing new;
* a *maintenance* that users notice (impact other than none), for the components it
  names, or for everything when it names none (S5.1). It holds back what it explains
  and nothing else (:func:`explaining`): work that leaves the product usable does not
  explain an alert of the worst severity, and none explains a confidential one, such
  as of an intrusion (A15).

Inhibition follows Alertmanager. Source and target must agree on the labels in
``equal``, where a missing label equals an empty one; with none of them on either
side they agree. An alert that matches both sides of a rule is not inhibited by
itself, nor by another that matches both. A source that is muted inhibits all the
same: it still fires.

Every mute that holds is told, not only the first, so that whoever ends one sees
what else holds. Those that end by themselves say when.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from watchbill.core.labels import AnyMatcher, Labels, Matcher, matches_all
from watchbill.core.maintenance import Impact, Occurrence


class MuteKind(StrEnum):
    """What holds back the pages of an alert."""

    SILENCE = "silence"
    INHIBITION = "inhibition"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """One reason why nobody is paged for an alert."""

    kind: MuteKind
    #: Of the silence, of the alert that inhibits, or of the maintenance window.
    key: str
    text: str
    #: When it ends by itself; None for an inhibition, which lasts as its source does.
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Matchers for whose alerts nobody is paged in ``[starts_at, ends_at)``.

    One that ends before it starts was called off in time. One without matchers
    silences nothing: a condition left out must not silence the house.
    """

    key: str
    matchers: tuple[AnyMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str
    #: The source whose alerts alone are meant; empty for those of every source.
    source: str = ""

    def is_active(self, at: datetime) -> bool:
        """Return whether it is in force."""
        return self.starts_at <= at < self.ends_at

    def covers(self, labels: Labels, *, source: str = "") -> bool:
        """Return whether an alert of a source with these labels is meant."""
        if self.source not in ("", source):
            return False
        return bool(self.matchers) and matches_all(self.matchers, labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitRule:
    """While an alert of the source fires, those of the target page nobody.

    A side without matchers is met by every alert.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    #: Labels that both must have alike.
    equal: tuple[str, ...] = ()
    because: str = ""


_Agreed = tuple[str, ...]
"""The values of the labels on which source and target must agree."""


class _Sources:
    """The firing sources of one rule that agree on its labels.

    Those that are targets too are kept apart, so that whether something inhibits is
    seen at the first alert of either kind. Dictionaries, because they keep the order:
    the alert that is named as the cause stays the same.
    """

    __slots__ = ("also_targets", "only_sources")

    def __init__(self) -> None:
        self.only_sources: dict[str, None] = {}
        self.also_targets: dict[str, None] = {}

    def first(self, *, but: str, is_source: bool) -> str | None:
        """Return the alert that inhibits another, which may itself be a source."""
        groups = [self.only_sources]
        if not is_source:
            groups.append(self.also_targets)
        keys = (key for group in groups for key in group)
        return next((key for key in keys if key != but), None)


class Firing:
    """The alerts that fire, found by the inhibitions of which they are the source.

    Whether an alert is inhibited takes one look-up a rule, however many alerts fire.
    It is kept up to date, not made anew: in an outage thousands fire at once.
    """

    __slots__ = ("_places", "_rules")

    def __init__(self, rules: Iterable[InhibitRule]) -> None:
        self._rules: dict[InhibitRule, dict[_Agreed, _Sources]] = {
            rule: {} for rule in rules
        }
        #: Where each alert stands, so that it can be taken out.
        self._places: dict[str, list[tuple[InhibitRule, _Agreed]]] = {}

    @classmethod
    def of(
        cls, rules: Iterable[InhibitRule], alerts: Iterable[tuple[str, Labels]]
    ) -> Self:
        """Return the index of alerts, each given by its key and its labels."""
        index = cls(rules)
        for key, labels in alerts:
            index.add(key, labels)
        return index

    def add(self, key: str, labels: Labels) -> None:
        """Note that an alert fires; other labels of the same alert are forgotten."""
        self.discard(key)
        places = []
        for rule, agreed in self._rules.items():
            if not matches_all(rule.source, labels):
                continue
            values = _values(rule, labels)
            sources = agreed.setdefault(values, _Sources())
            is_target = matches_all(rule.target, labels)
            group = sources.also_targets if is_target else sources.only_sources
            group[key] = None
            places.append((rule, values))
        if places:
            self._places[key] = places

    def discard(self, key: str) -> None:
        """Note that an alert does not fire, whether or not it did."""
        for rule, values in self._places.pop(key, ()):
            agreed = self._rules[rule]
            sources = agreed[values]
            sources.only_sources.pop(key, None)
            sources.also_targets.pop(key, None)
            if not (sources.only_sources or sources.also_targets):
                del agreed[values]

    def source_of(self, rule: InhibitRule, labels: Labels, *, key: str) -> str | None:
        """Return the firing alert by which a rule inhibits another, if there is one."""
        sources = self._rules.get(rule, {}).get(_values(rule, labels))
        if sources is None or not matches_all(rule.target, labels):
            return None
        is_source = matches_all(rule.source, labels)
        return sources.first(but=key, is_source=is_source)


def explaining(
    windows: Iterable[Occurrence], *, is_worst: bool, is_confidential: bool
) -> tuple[Occurrence, ...]:
    """Return the windows that may be the reason of an alert of this sort."""
    if is_confidential:
        return ()
    return tuple(
        one
        for one in windows
        if not is_worst or one.window.impact is Impact.UNAVAILABLE
    )


def mutes(  # noqa: PLR0913 - whatever can mute is asked at one place
    labels: Labels,
    *,
    key: str,
    silences: Iterable[Silence],
    rules: Iterable[InhibitRule],
    firing: Firing,
    windows: Iterable[Occurrence],
    at: datetime,
    source: str = "",
) -> tuple[Mute, ...]:
    """Return everything that holds back the pages of an alert; empty for nothing.

    ``key`` is the alert's own in ``firing``: it never inhibits itself. ``source`` is
    where it came from; silences of one source alone do not cover an alert of none.
    """
    return (
        *(_of_window(one) for one in windows if _covers(one, labels, at=at)),
        *(
            _of_silence(one)
            for one in silences
            if one.is_active(at) and one.covers(labels, source=source)
        ),
        *(
            _of_rule(rule, cause)
            for rule in rules
            if (cause := firing.source_of(rule, labels, key=key)) is not None
        ),
    )


def _values(rule: InhibitRule, labels: Labels) -> _Agreed:
    return tuple(labels.get(name, "") for name in rule.equal)


def _covers(occurrence: Occurrence, labels: Labels, *, at: datetime) -> bool:
    window = occurrence.window
    if window.impact is Impact.NONE or at not in occurrence.during:
        return False
    named = {labels.get("component"), labels.get("service")}
    return not window.components or not window.components.isdisjoint(named)


def _of_window(occurrence: Occurrence) -> Mute:
    return Mute(
        kind=MuteKind.MAINTENANCE,
        key=occurrence.window.key,
        text=f"maintenance: {occurrence.window.title}",
        until=occurrence.during.ends_at,
    )


def _of_silence(silence: Silence) -> Mute:
    return Mute(
        kind=MuteKind.SILENCE,
        key=silence.key,
        text=f"silenced by {silence.author}: {silence.comment}",
        until=silence.ends_at,
    )


def _of_rule(rule: InhibitRule, source: str) -> Mute:
    met = " and ".join(str(matcher) for matcher in rule.source)
    why = rule.because or f"an alert with {met or 'any labels'} fires"
    return Mute(
        kind=MuteKind.INHIBITION, key=source, text=f"inhibited: {why}", until=None
    )
