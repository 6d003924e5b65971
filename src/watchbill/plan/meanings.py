"""Meanings: what a key of the plan does, and the requirements it answers.

``{key}`` in a sentence is the name before the last, such as ``P1`` of
``severities.P1.response``; the first pattern that fits a key decides. A key that is
not here is explained by the section of the schema in which it stands.
"""

from dataclasses import dataclass

from watchbill.plan.tree import meets


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What keys of a pattern do."""

    pattern: str
    text: str
    requirements: tuple[str, ...] = ()


def meaning_of(key: tuple[str, ...]) -> Meaning | None:
    """Return the meaning of a key, if it has one of its own."""
    return next((one for one in MEANINGS if meets(key, one.pattern)), None)


def _meaning(pattern: str, text: str, *requirements: str) -> Meaning:
    return Meaning(pattern=pattern, text=text, requirements=requirements)


MEANINGS = (
    _meaning(
        "plan.version",
        "Names this plan; every record that applied one of its rules keeps the version,"
        " and a running incident keeps its ladder.",
        "S0-01",
        "S0-07",
    ),
    _meaning(
        "plan.effective",
        "The rules run from 00:00 of this day in the plan's zone.",
        "S0-02",
    ),
    _meaning(
        "plan.review",
        "How often a review of the plan falls due, from its effective date on.",
        "S0-03",
    ),
    _meaning(
        "plan.owner", "Who gets the review reminders and may propose changes.", "S0-04"
    ),
    _meaning(
        "plan.time_zone", "Every clock time of the plan is read and shown in this zone."
    ),
    _meaning("plan.languages", "The languages of public texts, the first one first."),
    _meaning(
        "plan.signers",
        "Who must sign a version before it counts as approved; unsigned, it is marked.",
    ),
    _meaning(
        "levels.*.cover",
        "When people of {key} are there. 24x7 is checked for uncovered minutes,"
        " on_call for specialties that one person carries.",
        "S2.1-01",
        "S2.1-05",
        "S2.1-08",
    ),
    _meaning("shifts.**", "Working hours that contacts refer to.", "S2.1-02"),
    _meaning(
        "contacts.*.phone",
        "The number by which {key} is called and texted, kept in E.164.",
        "S2.1-13",
        "S2.1-16",
    ),
    _meaning("contacts.*.email", "The address to which mail for {key} goes."),
    _meaning("contacts.*.slack", "The Slack member who is {key}."),
    _meaning(
        "contacts.*.name",
        "Who {key} is at present. Rules speak of roles and stay when this changes.",
        "S2.1-12",
        "S2.1-14",
    ),
    _meaning(
        "contacts.*.expertise",
        'The kinds of incident for which "by category" finds {key}.',
        "S2.1-07",
        "S2.1-09",
    ),
    _meaning("contacts.*.shift", "When {key} works.", "S2.1-02"),
    _meaning("contacts.*.languages", "The languages that {key} speaks.", "S2.1-12"),
    _meaning("contacts.*.roles", "What rules may call {key} by.", "S2.1-12"),
    _meaning("contacts.**", "Somebody whom the plan can reach.", "S2.1-12"),
    _meaning(
        "default_expert",
        "Who is asked when nobody at a level has the specialty of an incident.",
        "S2.1-10",
    ),
    _meaning(
        "aliases.**",
        "Another name of a role, for tables that use one which the contact list does"
        " not have.",
        "S4.3-08",
    ),
    _meaning("groups.**", "People who are told together.", "S2.1-12"),
    _meaning(
        "business_hours.closed",
        "Days on which business hours do not open: steps and route contacts that are"
        " for business hours wait or are passed over.",
    ),
    _meaning(
        "business_hours.**",
        "When steps marked business_hours apply, and when people who are there in"
        " business hours are.",
        "S2.1-05",
    ),
    _meaning(
        "on_call.*.members",
        "Who takes turns, in this order.",
        "S4.4-01",
        "S4.4-03",
    ),
    _meaning(
        "on_call.*.first_week",
        "The day of the first handover; it fixes the weekday.",
        "S4.4-02",
    ),
    _meaning(
        "on_call.*.first_day",
        "The day of the first handover; it fixes the weekday.",
        "S4.4-02",
    ),
    _meaning("on_call.*.handover", "When the watch is handed over.", "S4.4-02"),
    _meaning("on_call.*.every.**", "How long a turn lasts.", "S4.4-02"),
    _meaning(
        "on_call.*.weekdays", "The days on which the watch is handed over.", "S4.4-02"
    ),
    _meaning(
        "on_call.*.hours.**", "When this watch is held; at no other hours.", "S4.4-08"
    ),
    _meaning(
        "on_call.*.layers.**",
        "A rotation that covers the ones above it while it is active.",
        "S4.4-01",
    ),
    _meaning(
        "on_call.*.specialty",
        "The kind of incident that this watch is for.",
        "S2.1-08",
    ),
    _meaning(
        "on_call.*.secondary.**",
        "Who backs up the primary: the primary of the turn before or after, or members"
        " of its own.",
        "S4.4-06",
        "S4.4-10",
    ),
    _meaning(
        "on_call.*.shadow.**",
        "Who gets copies and learns: the primary of the turn after or before, or"
        " members of its own.",
        "S4.4-07",
    ),
    _meaning("on_call.**", "A schedule: who holds the watch.", "S4.4-01", "S4.4-04"),
    _meaning(
        "severities.P1.response",
        "The first page of a {key} must be answered within this time.",
        "S3.1-02",
        "S3.1-35",
    ),
    _meaning(
        "severities.P2.response",
        "The first page of a {key} must be answered within this time.",
        "S3.1-11",
        "S3.1-35",
    ),
    _meaning(
        "severities.P3.response",
        "A {key} must be answered within this time.",
        "S3.1-19",
        "S3.1-35",
    ),
    _meaning(
        "severities.P4.response",
        "A {key} must be answered within this time.",
        "S3.1-26",
        "S3.1-35",
    ),
    _meaning(
        "severities.*.response", "A {key} must be answered within this time.", "S3.1-35"
    ),
    _meaning(
        "severities.P1.resolution",
        "Service must be restored within this time of the declaration of a {key}.",
        "S3.1-03",
    ),
    _meaning(
        "severities.P2.resolution",
        "Service must be restored within this time of the declaration of a {key}.",
        "S3.1-12",
    ),
    _meaning(
        "severities.P3.resolution",
        "A {key} must be resolved within this time of its declaration.",
        "S3.1-20",
    ),
    _meaning(
        "severities.P4.resolution",
        "A {key} must be resolved within this time of its declaration.",
        "S3.1-27",
    ),
    _meaning(
        "severities.*.resolution",
        "Service must be restored within this time of the declaration of a {key}.",
    ),
    _meaning(
        "severities.*.criteria",
        "What makes an incident a {key}; when two"
        " criteria disagree the worse severity applies.",
        "S3.1-33",
    ),
    _meaning(
        "severities.*.urgency",
        "How loudly people are told of a {key}: high may wake somebody, low may not.",
    ),
    _meaning(
        "severities.*.ticket.**",
        "The ticket that an incident of this severity creates, and who gets it.",
    ),
    _meaning(
        "fallback",
        "Who is told when a step has reached nobody and no later one is left.",
        "S2.2-09",
    ),
    _meaning(
        "escalation.**",
        "The steps by which people are told, in the order of time.",
        "S3.2-18",
    ),
    _meaning(
        "alerts.catch_all",
        "The alert type of alerts that no route takes; they"
        " are listed so that the plan gets mended.",
        "S4.3-07",
    ),
    _meaning("alerts.group_by", "Alerts that agree on these labels share an incident."),
    _meaning(
        "alerts.auto_resolve",
        "Incidents of these severities resolve when their"
        " last alert does; others wait for a human.",
    ),
    _meaning(
        "alerts.inhibit.**",
        "While an alert of the source fires, alerts of the target that agree with it"
        " page nobody; they are recorded, and declared when the source ends first.",
        "S4.2-23",
    ),
    _meaning(
        "alerts.flapping.hold_down",
        "How long an alert that flaps must be quiet until its end is believed.",
        "S4.2-26",
    ),
    _meaning(
        "alerts.flapping.**",
        "From how many begins and ends within which time on an alert flaps: its ends"
        " are not believed at once, and no flap opens an incident.",
        "S4.2-26",
    ),
    _meaning(
        "alerts.storm.**",
        "From how many new incidents of one severity within which time on further"
        " alerts of that severity share one.",
    ),
    _meaning(
        "alerts.resolve_timeout",
        "How long an alert fires that its source repeats, as Prometheus does, without"
        " saying until when.",
        "S4.1-10",
    ),
    _meaning(
        "alerts.contacting.*.primary",
        "How long after the declaration of a {key}"
        " the primary contact of the alert's route is told.",
        "S4.3-06",
    ),
    _meaning(
        "alerts.contacting.*.secondary",
        "How long after the declaration of a"
        " {key} the secondary contact of the alert's route is told, unless"
        " somebody has acknowledged.",
        "S4.3-06",
    ),
    _meaning(
        "alerts.contacting.*.escalation",
        "How long after the declaration of a"
        " {key} the escalation contact of the alert's route is told, unless"
        " somebody has acknowledged.",
        "S4.3-06",
    ),
    _meaning(
        "alerts.contacting.**",
        "When the contacts of a route are told; a severity"
        " that is not here pages nobody by route.",
        "S4.3-06",
    ),
    _meaning(
        "alerts.severity.**",
        "How the severity of an alert is found: the first"
        " rule that fits, then its label, then the default.",
    ),
    _meaning(
        "alerts.routes.*.confidential",
        "Whether nothing of such an incident is posted or published by itself.",
    ),
    _meaning(
        "alerts.routes.*.category",
        'The specialty that "by category" looks for.',
        "S2.1-09",
    ),
    _meaning(
        "alerts.routes.**",
        "Which alerts are of this type, and whose they are;"
        " an alert takes the first route that fits.",
        "S4.3-07",
    ),
    _meaning(
        "incidents.ack_timeout",
        "How long an acknowledged incident may show no activity before whoever took it"
        " is paged again, and then the on-call.",
        "S3.1-04",
    ),
    _meaning(
        "incidents.ack_timeout_for",
        "The severities whose acknowledgement lapses so; the worst one if none is"
        " named.",
        "S3.1-04",
    ),
    _meaning(
        "incidents.repeat_after",
        "How long after the last step everybody is paged again while nobody"
        " acknowledges; each further time after twice as long.",
        "S2.2-08",
    ),
    _meaning(
        "incidents.on_upgrade",
        "Whether the clocks of a worse severity start at the change or are carried"
        " over.",
        "S3.1-32",
    ),
    _meaning(
        "incidents.team.**",
        "Who is what in the response team, until somebody takes the role.",
        "S3.1-06",
    ),
    _meaning(
        "monitoring.metrics.*.query",
        "How Prometheus knows the value of {key}; the rule file that watchbill plan"
        " rules prints compares it with the thresholds.",
        "S4.2-21",
    ),
    _meaning(
        "monitoring.metrics.*.runbook",
        "The runbook to which alerts of {key} lead.",
        "S4.2-24",
    ),
    _meaning(
        "monitoring.watchdog.**",
        "Which alert is a sign of life of the monitoring: it pages nobody while it"
        " comes, and its absence does.",
        "S4.1-12",
    ),
    _meaning(
        "monitoring.silence_after",
        "How long no sign of life may come until the monitoring itself counts as down.",
        "S4.1-12",
    ),
    _meaning(
        "monitoring.silence_creates",
        "The severity of the incident that a silence of the monitoring opens.",
        "S4.1-12",
    ),
    _meaning("channels.**", "Where messages are posted or news is told.", "S7.1-07"),
    _meaning(
        "maintenance.notice",
        "How long before a window that users notice they are told of it.",
    ),
)
