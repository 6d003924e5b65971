"""Labels, notices, deliveries and states: small functions, any input."""

from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cast import T0
from tests.properties.strategies import ladders
from watchbill.core.incidents import IncidentAction, IncidentStatus, act
from watchbill.core.labels import Matcher, fingerprint
from watchbill.core.ladder import Ladder, Verb
from watchbill.core.messages import Link, Notice, Subject, headline, write
from watchbill.core.notification import (
    LONGEST_WAIT,
    MAX_ATTEMPTS,
    Attempt,
    NotificationState,
    Outcome,
    after_attempt,
)
from watchbill.core.people import Contact, Directory, UnknownRoleError
from watchbill.core.severity import Severity, Urgency

#: Any text at all, halves of surrogate pairs included.
anything = st.text(st.characters(exclude_categories=()), max_size=12)
few = st.text("ab\0=,", max_size=3)
label_sets = st.dictionaries(few, few, max_size=4) | st.dictionaries(
    anything, anything, max_size=4
)


@pytest.mark.req("S4.1-09")
@given(label_sets, st.randoms(use_true_random=False))
def test_a_fingerprint_is_the_same_in_any_order(
    labels: dict[str, str], random: Random
) -> None:
    pairs = list(labels.items())
    random.shuffle(pairs)

    assert fingerprint(dict(pairs)) == fingerprint(labels)


@given(label_sets, label_sets)
def test_two_label_sets_have_one_fingerprint_exactly_when_they_are_equal(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (fingerprint(one) == fingerprint(other)) is (one == other)


@given(few, st.sets(few).map(frozenset), label_sets)
def test_a_matcher_and_its_negation_divide_all_label_sets(
    name: str, values: frozenset[str], labels: dict[str, str]
) -> None:
    matcher = Matcher(name=name, values=values)
    negation = Matcher(name=name, values=values, negated=True)

    assert matcher.matches(labels) is not negation.matches(labels)
    assert matcher.matches(labels) is (labels.get(name, "") in values)


@given(
    st.sampled_from(Outcome),
    st.integers(1, 20),
    st.none() | st.timedeltas(),
)
def test_every_attempt_leads_to_a_state_with_an_owner(
    outcome: Outcome, number: int, asked: timedelta | None
) -> None:
    verdict = after_attempt(
        Attempt(outcome=outcome, retry_after=asked), number=number, now=T0
    )

    is_open = verdict.state is NotificationState.WAITING
    assert verdict.reason
    assert (verdict.retry_at is not None) is is_open
    if verdict.retry_at is not None:
        assert number < MAX_ATTEMPTS
        assert outcome not in {Outcome.DELIVERED, Outcome.PERMANENT}
        assert timedelta(seconds=5) <= verdict.retry_at - T0 <= LONGEST_WAIT
        assert asked is None or verdict.retry_at - T0 >= asked
    else:
        assert (verdict.state is NotificationState.DELIVERED) is (
            outcome is Outcome.DELIVERED
        )
    # The caller has a list of methods and empties it as it starts them.
    assert verdict.start_next_method is (outcome is not Outcome.DELIVERED)


secrets = anything.map(lambda text: f"secret:{text}:secret")


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    return Subject(
        number=draw(st.integers(1, 10**6)),
        title=draw(secrets),
        summary=draw(secrets),
        severity=Severity(key="P1", rank=1, title="Critical"),
        alert_type="Security",
        status="triggered",
        declared_at=T0,
        is_drill=draw(st.booleans()),
        is_confidential=draw(st.booleans()),
        links=(Link(label=draw(secrets), url=draw(secrets)),),
    )


def written(notice: Notice) -> str:
    parts = [
        notice.idempotency_key,
        notice.thread_key,
        notice.subject,
        notice.severity,
        *notice.paragraphs,
        *(text for fact in notice.facts for text in fact),
        *(text for link in notice.links for text in (link.label, link.url)),
    ]
    return "\n".join(parts)


@pytest.mark.req("A15", "S4.4-07")
@given(subjects(), ladders().filter(lambda ladder: ladder.steps), st.booleans())
def test_no_notice_of_a_confidential_incident_holds_a_word_of_it(
    subject: Subject,
    ladder: Ladder,
    is_copy: bool,  # noqa: FBT001 - drawn
) -> None:
    steps = ladder.steps
    notice = write(
        subject,
        steps[0],
        because=steps,
        key="k",
        links=(),
        zone=ZoneInfo("Asia/Yangon"),
        now=T0 + timedelta(minutes=5),
        is_copy=is_copy,
    )

    assert ("secret:" not in written(notice)) is subject.is_confidential
    assert notice.urgency is (Urgency.LOW if is_copy else steps[0].urgency)
    assert notice.subject.startswith("DRILL ") is subject.is_drill


@given(subjects(), st.sampled_from(Verb))
def test_a_headline_is_one_line_with_the_number_at_its_end(
    subject: Subject, verb: Verb
) -> None:
    line = headline(subject, verb)

    assert line.splitlines() == [line]
    assert line.endswith(f"(#{subject.number})")


@pytest.mark.req("S3.1-34")
@given(st.sampled_from(IncidentStatus), st.lists(st.sampled_from(IncidentAction)))
def test_no_sequence_of_actions_takes_an_incident_back(
    status: IncidentStatus, actions: list[IncidentAction]
) -> None:
    order = list(IncidentStatus)
    for action in actions:
        answer = act(status, action)

        assert order.index(answer.status) >= order.index(status)
        assert answer.is_change is (answer.status is not status)
        assert answer.reason
        status = answer.status


names = st.sampled_from("abcdef")


@pytest.mark.req("S2.1-12", "A10")
@given(
    st.lists(names, unique=True, max_size=3),
    st.dictionaries(names, names, max_size=4),
    st.dictionaries(names, st.lists(names, max_size=3).map(tuple), max_size=4),
    names,
)
def test_any_tangle_of_aliases_and_groups_ends_in_people_or_a_clear_error(
    keys: list[str],
    aliases: dict[str, str],
    groups: dict[str, tuple[str, ...]],
    asked: str,
) -> None:
    contacts = tuple(Contact(key=key, roles=(key,), level="L2") for key in keys)
    directory = Directory(contacts=contacts, aliases=aliases, groups=groups)

    if not directory.knows(asked):
        with pytest.raises(UnknownRoleError, match="role"):
            directory.holders(asked)
        return
    found = directory.holders(asked)

    assert len({one.key for one in found}) == len(found)
    assert set(found) <= set(contacts)
