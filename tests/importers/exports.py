"""Exports as the products' documentation shows their answers, with one team in each.

Ana, Ben and Chi share a watch in Yangon (UTC+06:30, no daylight saving) and one in New
York. The shifts that each product renders were written by hand from its documentation:
who is on call is counted on paper, not by the code under test.
"""

import json
from typing import Any

Json = dict[str, Any]


def as_bytes(document: Any) -> bytes:
    """Return a document as the product sends it."""
    return json.dumps(document).encode()


# ── PagerDuty ───────────────────────────────────────────────────────────────────


def _pd_user(number: str) -> Json:
    return {"user": {"id": number, "type": "user_reference"}}


def _pd_entry(number: str, start: str, end: str) -> Json:
    return {"start": start, "end": end, "user": {"id": number, "summary": number}}


def pagerduty() -> Json:
    """A weekly layer, a night layer of 12 hour turns above it, and an override."""
    people = {"PANA": "Ana", "PBEN": "Ben", "PCHI": "Chi"}
    return {
        "users": [
            {
                "id": number,
                "type": "user",
                "name": name,
                "email": f"{name.lower()}@example.com",
                "time_zone": "Asia/Yangon",
                "role": "user",
                "contact_methods": [
                    {
                        "type": "email_contact_method",
                        "address": f"{name.lower()}@example.com",
                    },
                    {
                        "type": "sms_contact_method",
                        "country_code": 95,
                        "address": f"925000000{place}",
                    },
                ],
                "teams": [{"id": "PTEAM", "type": "team_reference"}],
            }
            for place, (number, name) in enumerate(people.items(), start=1)
        ],
        "teams": [{"id": "PTEAM", "type": "team", "name": "Platform"}],
        "schedules": [
            {
                "id": "PSCHED",
                "type": "schedule",
                "name": "Primary",
                "time_zone": "Asia/Yangon",
                # From the top: the weekend covers the week.
                "schedule_layers": [
                    {
                        "id": "PL2",
                        "name": "Weekend",
                        "start": "2026-11-02T09:00:00+06:30",
                        "end": None,
                        "rotation_virtual_start": "2026-11-02T09:00:00+06:30",
                        "rotation_turn_length_seconds": 604800,
                        "users": [_pd_user("PCHI"), _pd_user("PBEN")],
                        "restrictions": [
                            {
                                "type": "weekly_restriction",
                                "start_day_of_week": 6,
                                "start_time_of_day": "00:00:00",
                                "duration_seconds": 172800,
                            }
                        ],
                    },
                    {
                        "id": "PL1",
                        "name": "Week",
                        "start": "2026-11-09T09:00:00+06:30",
                        "end": None,
                        # A week before it starts: Ben has the first turn.
                        "rotation_virtual_start": "2026-11-02T09:00:00+06:30",
                        "rotation_turn_length_seconds": 604800,
                        "users": [_pd_user("PANA"), _pd_user("PBEN")],
                        "restrictions": [],
                    },
                ],
                "overrides": [
                    {
                        "id": "POVER",
                        "start": "2026-12-02T10:00:00+06:30",
                        "end": "2026-12-02T14:00:00+06:30",
                        "user": {"id": "PCHI", "type": "user_reference"},
                    }
                ],
                "final_schedule": {
                    "name": "Final Schedule",
                    "rendered_schedule_entries": [
                        # The fifth turn from 2 November on is Ana's.
                        _pd_entry(
                            "PANA",
                            "2026-11-30T09:00:00+06:30",
                            "2026-12-02T10:00:00+06:30",
                        ),
                        _pd_entry(
                            "PCHI",
                            "2026-12-02T10:00:00+06:30",
                            "2026-12-02T14:00:00+06:30",
                        ),
                        _pd_entry(
                            "PANA",
                            "2026-12-02T14:00:00+06:30",
                            "2026-12-05T00:00:00+06:30",
                        ),
                        # The fifth week of the weekend layer is Chi's.
                        _pd_entry(
                            "PCHI",
                            "2026-12-05T00:00:00+06:30",
                            "2026-12-07T00:00:00+06:30",
                        ),
                        _pd_entry(
                            "PANA",
                            "2026-12-07T00:00:00+06:30",
                            "2026-12-07T09:00:00+06:30",
                        ),
                        _pd_entry(
                            "PBEN",
                            "2026-12-07T09:00:00+06:30",
                            "2026-12-12T00:00:00+06:30",
                        ),
                        _pd_entry(
                            "PBEN",
                            "2026-12-12T00:00:00+06:30",
                            "2026-12-14T00:00:00+06:30",
                        ),
                    ],
                },
            }
        ],
        "escalation_policies": [
            {
                "id": "PPOL",
                "type": "escalation_policy",
                "name": "Default",
                "num_loops": 2,
                "escalation_rules": [
                    {
                        "id": "R1",
                        "escalation_delay_in_minutes": 10,
                        "targets": [{"id": "PSCHED", "type": "schedule_reference"}],
                    },
                    {
                        "id": "R2",
                        "escalation_delay_in_minutes": 30,
                        "targets": [{"id": "PCHI", "type": "user_reference"}],
                    },
                ],
            }
        ],
    }


# ── Opsgenie ────────────────────────────────────────────────────────────────────


def _og_user(name: str) -> Json:
    return {"type": "user", "id": f"og-{name}", "username": f"{name}@example.com"}


def _og_period(name: str, start: str, end: str, kind: str = "default") -> Json:
    return {
        "startDate": start,
        "endDate": end,
        "type": kind,
        "recipient": {
            "type": "user",
            "id": f"og-{name}",
            "name": f"{name}@example.com",
        },
    }


def opsgenie() -> Json:
    """Twelve-hour turns through three people, and office hours above them."""
    return {
        "users": [
            {
                "id": f"og-{name}",
                "username": f"{name}@example.com",
                "fullName": name.title(),
                "role": {"id": "User", "name": "User"},
                "timeZone": "Asia/Yangon",
                "userContacts": [
                    {"id": "c", "contactMethod": "sms", "to": f"95-925000000{place}"}
                ],
            }
            for place, name in enumerate(("ana", "ben", "chi"), start=1)
        ],
        "teams": [
            {
                "id": "og-team",
                "name": "Platform",
                "members": [
                    {"user": _og_user("ana"), "role": "admin"},
                    {"user": _og_user("ben"), "role": "user"},
                ],
            }
        ],
        "schedules": [
            {
                "id": "og-sched",
                "name": "Platform_schedule",
                "timezone": "Asia/Yangon",
                "enabled": True,
                "ownerTeam": {"id": "og-team", "name": "Platform"},
                "rotations": [
                    {
                        "id": "og-rot",
                        "name": "Half days",
                        "startDate": "2026-11-29T17:30:00Z",  # Monday 00:00 there
                        "type": "hourly",
                        "length": 12,
                        "participants": [
                            _og_user("ana"),
                            _og_user("ben"),
                            _og_user("chi"),
                        ],
                    }
                ],
            }
        ],
        "overrides": [
            {
                "_parent": {"id": "og-sched", "enabled": True},
                "alias": "swap",
                "user": _og_user("chi"),
                "startDate": "2026-11-30T06:00:00Z",
                "endDate": "2026-11-30T08:00:00Z",
                "rotations": [],
            }
        ],
        "timelines": [
            {
                "_parent": {"id": "og-sched", "name": "Platform_schedule"},
                "startDate": "2026-11-29T17:30:00Z",
                "endDate": "2026-12-02T17:30:00Z",
                "finalTimeline": {
                    "rotations": [
                        {
                            "id": "og-rot",
                            "name": "Half days",
                            "order": 1.0,
                            "periods": [
                                _og_period(
                                    "ana",
                                    "2026-11-29T17:30:00Z",
                                    "2026-11-30T05:30:00Z",
                                ),
                                _og_period(
                                    "ben",
                                    "2026-11-30T05:30:00Z",
                                    "2026-11-30T06:00:00Z",
                                ),
                                _og_period(
                                    "chi",
                                    "2026-11-30T06:00:00Z",
                                    "2026-11-30T08:00:00Z",
                                    "override",
                                ),
                                _og_period(
                                    "ben",
                                    "2026-11-30T08:00:00Z",
                                    "2026-11-30T17:30:00Z",
                                ),
                                _og_period(
                                    "chi",
                                    "2026-11-30T17:30:00Z",
                                    "2026-12-01T05:30:00Z",
                                ),
                                _og_period(
                                    "ana",
                                    "2026-12-01T05:30:00Z",
                                    "2026-12-01T17:30:00Z",
                                ),
                                _og_period(
                                    "ben",
                                    "2026-12-01T17:30:00Z",
                                    "2026-12-02T05:30:00Z",
                                ),
                                _og_period(
                                    "chi",
                                    "2026-12-02T05:30:00Z",
                                    "2026-12-02T17:30:00Z",
                                ),
                            ],
                        }
                    ]
                },
            }
        ],
        "escalations": [
            {
                "id": "og-esc",
                "name": "Platform_escalation",
                "rules": [
                    {
                        "condition": "if-not-acked",
                        "notifyType": "default",
                        "delay": {"timeAmount": 0, "timeUnit": "minutes"},
                        "recipient": {"type": "schedule", "id": "og-sched"},
                    },
                    {
                        "condition": "if-not-acked",
                        "notifyType": "all",
                        "delay": {"timeAmount": 10, "timeUnit": "minutes"},
                        "recipient": {"type": "team", "id": "og-team"},
                    },
                    {
                        "condition": "if-not-acked",
                        "notifyType": "default",
                        "delay": {"timeAmount": 1, "timeUnit": "hours"},
                        "recipient": {"type": "team", "id": "og-team"},
                    },
                ],
                "repeat": {"waitInterval": 10, "count": 1},
            }
        ],
    }


# ── Grafana OnCall ──────────────────────────────────────────────────────────────


def _gr_final(name: str, start: str, end: str) -> Json:
    return {
        "user_pk": f"U{name.upper()}",
        "user_email": f"{name}@example.com",
        "user_username": name,
        "shift_start": start,
        "shift_end": end,
    }


def grafana_oncall() -> Json:
    """A weekly watch, office hours by another weekly rolling above, one override."""
    return {
        "users": [
            {
                "id": f"U{name.upper()}",
                "grafana_id": place,
                "email": f"{name}@example.com",
                "slack": [{"user_id": f"USLACK{place}", "team_id": "T1"}],
                "username": name,
                "role": "admin",
                "is_phone_number_verified": False,
                "timezone": "America/New_York",
                "teams": [],
            }
            for place, name in enumerate(("ana", "ben", "chi"), start=1)
        ],
        "schedules": [
            {
                "id": "SWEB",
                "name": "Night and day",
                "type": "web",
                "team_id": None,
                "time_zone": "America/New_York",
                "shifts": ["OBASE", "ODAY", "OOVER", "OGONE"],
                "final_shifts": [
                    # New York is at UTC-05:00 in winter.
                    _gr_final("ben", "2026-11-30T05:00:00Z", "2026-11-30T14:00:00Z"),
                    _gr_final("ana", "2026-11-30T14:00:00Z", "2026-11-30T22:00:00Z"),
                    _gr_final("ben", "2026-11-30T22:00:00Z", "2026-12-01T14:00:00Z"),
                    _gr_final("ana", "2026-12-01T14:00:00Z", "2026-12-01T22:00:00Z"),
                    _gr_final("ben", "2026-12-01T22:00:00Z", "2026-12-02T01:00:00Z"),
                    _gr_final("ana", "2026-12-02T01:00:00Z", "2026-12-02T03:00:00Z"),
                    _gr_final("ben", "2026-12-02T03:00:00Z", "2026-12-02T14:00:00Z"),
                    _gr_final("ana", "2026-12-02T14:00:00Z", "2026-12-02T22:00:00Z"),
                ],
            },
            {
                "id": "SICAL",
                "name": "From a calendar",
                "type": "ical",
                "team_id": None,
                "ical_url_primary": "https://example.com/meow_calendar.ics",
            },
        ],
        "on_call_shifts": [
            {
                "id": "OBASE",
                "type": "rolling_users",
                "name": "Base",
                "level": 1,
                "start": "2026-11-23T00:00:00",
                "duration": 604800,
                "frequency": "weekly",
                "interval": 1,
                "week_start": "MO",
                "rolling_users": [["UANA"], ["UBEN"]],
                "start_rotation_from_user_index": 0,
            },
            {
                "id": "ODAY",
                "type": "rolling_users",
                "name": "Office hours",
                "level": 2,
                "start": "2026-11-23T09:00:00",
                "duration": 28800,
                "frequency": "weekly",
                "interval": 1,
                "week_start": "MO",
                "by_day": ["MO", "TU", "WE", "TH", "FR"],
                "rolling_users": [["UCHI", "UBEN"], ["UANA"]],
                "start_rotation_from_user_index": 0,
            },
            {
                "id": "OOVER",
                "type": "override",
                "name": "Ana helps out",
                "start": "2026-12-01T20:00:00",
                "duration": 7200,
                "users": ["UANA"],
            },
            {
                "id": "OMONTH",
                "type": "recurrent_event",
                "name": "Nobody's shift",
                "start": "2026-12-01T20:00:00",
                "duration": 7200,
                "frequency": "monthly",
                "by_monthday": [1],
                "users": ["UANA"],
            },
        ],
        "escalation_chains": [{"id": "FCHAIN", "name": "default", "team_id": None}],
        "escalation_policies": [
            {
                "id": "E1",
                "escalation_chain_id": "FCHAIN",
                "position": 0,
                "type": "notify_on_call_from_schedule",
                "notify_on_call_from_schedule": "SWEB",
            },
            {
                "id": "E2",
                "escalation_chain_id": "FCHAIN",
                "position": 1,
                "type": "wait",
                "duration": 900,
            },
            {
                "id": "E3",
                "escalation_chain_id": "FCHAIN",
                "position": 2,
                "type": "notify_persons",
                "persons_to_notify": ["UCHI"],
            },
            {
                "id": "E4",
                "escalation_chain_id": "FCHAIN",
                "position": 3,
                "type": "trigger_webhook",
            },
        ],
    }


# ── GoAlert ─────────────────────────────────────────────────────────────────────


def _ga_shift(name: str, start: str, end: str) -> Json:
    return {"userID": f"ga-{name}", "start": start, "end": end, "truncated": False}


def goalert() -> Json:
    """The answer of one query: a daily rotation, a rule for Sundays, two overrides."""
    every_day = [True] * 7
    return {
        "data": {
            "users": {
                "nodes": [
                    {
                        "id": f"ga-{name}",
                        "name": name.title(),
                        "email": f"{name}@example.com",
                        "contactMethods": [
                            {"type": "SMS", "value": f"+95925000000{place}"}
                        ],
                    }
                    for place, name in enumerate(("ana", "ben", "chi"), start=1)
                ]
            },
            "rotations": {
                "nodes": [
                    {
                        "id": "ga-rot",
                        "name": "Daily",
                        "type": "daily",
                        "shiftLength": 1,
                        "start": "2026-01-01T02:30:00Z",
                        "timeZone": "Asia/Yangon",
                        "userIDs": ["ga-ana", "ga-ben"],
                        "activeUserIndex": 0,
                        "nextHandoffTimes": ["2026-11-30T02:30:00Z"],
                    }
                ]
            },
            "schedules": {
                "nodes": [
                    {
                        "id": "ga-sched",
                        "name": "Shop",
                        "timeZone": "Asia/Yangon",
                        "targets": [
                            {
                                "target": {
                                    "id": "ga-rot",
                                    "name": "Daily",
                                    "type": "rotation",
                                },
                                "rules": [
                                    {
                                        "id": "1",
                                        "start": "00:00",
                                        "end": "00:00",
                                        "weekdayFilter": every_day,
                                    }
                                ],
                            },
                            {
                                "target": {
                                    "id": "ga-chi",
                                    "name": "Chi",
                                    "type": "user",
                                },
                                "rules": [
                                    {
                                        "id": "2",
                                        "start": "20:00",
                                        "end": "06:00",
                                        "weekdayFilter": [True] + [False] * 6,
                                    }
                                ],
                            },
                        ],
                        "temporarySchedules": [],
                        # Tuesday 1 December 09:00 there to the Monday after.
                        "shifts": [
                            _ga_shift(
                                "ana", "2026-12-01T02:30:00Z", "2026-12-01T04:00:00Z"
                            ),
                            _ga_shift(
                                "chi", "2026-12-01T04:00:00Z", "2026-12-01T06:00:00Z"
                            ),
                            _ga_shift(
                                "ana", "2026-12-01T06:00:00Z", "2026-12-02T02:30:00Z"
                            ),
                            _ga_shift(
                                "ben", "2026-12-02T02:30:00Z", "2026-12-03T02:30:00Z"
                            ),
                            _ga_shift(
                                "ana", "2026-12-03T02:30:00Z", "2026-12-04T02:30:00Z"
                            ),
                            _ga_shift(
                                "ben", "2026-12-04T02:30:00Z", "2026-12-05T02:30:00Z"
                            ),
                            _ga_shift(
                                "ana", "2026-12-05T02:30:00Z", "2026-12-06T02:30:00Z"
                            ),
                            _ga_shift(
                                "ben", "2026-12-06T02:30:00Z", "2026-12-06T13:30:00Z"
                            ),
                            _ga_shift(
                                "ben", "2026-12-06T13:30:00Z", "2026-12-06T23:30:00Z"
                            ),
                            _ga_shift(
                                "chi", "2026-12-06T13:30:00Z", "2026-12-06T23:30:00Z"
                            ),
                        ],
                    }
                ]
            },
            "userOverrides": {
                "nodes": [
                    {
                        "id": "o1",
                        "start": "2026-12-01T04:00:00Z",
                        "end": "2026-12-01T06:00:00Z",
                        "addUserID": "ga-chi",
                        "removeUserID": "ga-ana",
                        "target": {"id": "ga-sched", "type": "schedule"},
                    },
                    {
                        # Ana does not hold it then, so that it changes nothing.
                        "id": "o2",
                        "start": "2026-12-02T04:00:00Z",
                        "end": "2026-12-02T06:00:00Z",
                        "addUserID": "ga-chi",
                        "removeUserID": "ga-ana",
                        "target": {"id": "ga-sched", "type": "schedule"},
                    },
                    {
                        "id": "o3",
                        "start": "2026-12-03T04:00:00Z",
                        "end": "2026-12-03T06:00:00Z",
                        "addUserID": "",
                        "removeUserID": "ga-ana",
                        "target": {"id": "ga-sched", "type": "schedule"},
                    },
                ]
            },
            "escalationPolicies": {
                "nodes": [
                    {
                        "id": "ga-pol",
                        "name": "Shop",
                        "repeat": 3,
                        "steps": [
                            {
                                "id": "s1",
                                "stepNumber": 0,
                                "delayMinutes": 15,
                                "targets": [
                                    {
                                        "id": "ga-sched",
                                        "name": "Shop",
                                        "type": "schedule",
                                    }
                                ],
                            },
                            {
                                "id": "s2",
                                "stepNumber": 1,
                                "delayMinutes": 30,
                                "targets": [
                                    {"id": "ga-chi", "name": "Chi", "type": "user"},
                                    {"id": "T", "type": "slackChannel"},
                                ],
                            },
                        ],
                    }
                ]
            },
        }
    }


EXPORTS = {
    "pagerduty": pagerduty,
    "opsgenie": opsgenie,
    "grafana-oncall": grafana_oncall,
    "goalert": goalert,
}
