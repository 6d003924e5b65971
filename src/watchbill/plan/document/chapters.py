"""Chapters: the sections of the readable plan, one method for each."""

import re

from watchbill.plan.document import spelling, watches
from watchbill.plan.document.blocks import escape, escape_line
from watchbill.plan.document.draft import Tree
from watchbill.plan.document.parts import CHANGES, METRICS, ROUTES, TOOLS, Parts
from watchbill.plan.document.steps import COLUMNS
from watchbill.plan.document.words import (
    long_day,
    long_form,
    seconds,
)

_COVERS = {"24x7": "24/7", "business_hours": "Business Hours", "on_call": "On-Call"}

_SUMMARY = (
    "This document is the support plan of {} as watchbill runs it: who is contacted, "
    "how incidents escalate, what is monitored, and when maintenance takes place."
)


class Chapters(Parts):
    """Writes the readable part of a plan."""

    def render(self) -> str:
        """Return the Markdown."""
        for chapter in (
            self._head,
            self._team,
            self._escalation,
            self._monitoring,
            self._maintenance,
            self._bugs,
            self._communication,
            self._documentation,
            self._reviews,
            self._appendices,
            self._approval,
        ):
            start = len(self.out)
            chapter()
            if all(line in {"", "---"} or line[0] == "#" for line in self.out[start:]):
                del self.out[start:]
        text = "\n".join(self.out).strip("\n") + "\n"
        return re.sub(r"\n{3,}", "\n\n", text)

    def _head(self) -> None:
        plan = {
            name: self._text("plan", name) for name in spelling.table(self.tree, "plan")
        }
        self.out += [f"# {escape_line(plan['title'])}"]
        self.out += [f"## {escape_line(plan['product'])}", ""]
        values = (
            ("Document Version", plan["version"]),
            ("Effective Date", long_day(plan["effective"])),
            ("Review Cycle", plan["review"].capitalize()),
            ("Owner", self._role(plan["owner"])),
        )
        self._key_values(values)
        self._chapter(1, "Executive Summary")
        self.out += ["", _SUMMARY.format(escape(plan["product"]))]

    def _team(self) -> None:
        self._chapter(2, "Support Team Structure")
        self._section("2.1", "Support Team Contacts")
        for key, level in self._entries("levels"):
            number = key[1:] if key[:1] == "L" and key[1:].isdecimal() else ""
            name = f"Level {number}" if number else key
            cover = _COVERS.get(spelling.said(level.get("cover")), "")
            title = escape_line(spelling.said(level.get("title")))
            self._sub(f"{name} - {title}" + (f" ({cover})" if cover else ""))
            self._contacts(key)
        self._section("2.2", "Emergency Contact Tree")
        self._tree()

    def _contacts(self, level: str) -> None:
        people = [
            one for one in self._entries("contacts") if one[1].get("level") == level
        ]
        columns = [
            ("Role", "title"),
            ("Name", "name"),
            ("Email", "email"),
            ("Phone", "phone"),
        ]
        if any("shift" in one for _, one in people):
            columns.append(("Shift", "shift"))
        if any(one.get("expertise") for _, one in people):
            columns.append(("Expertise", "expertise"))
        cells = [
            (key, [spelling.said(one.get(name)) for _, name in columns])
            for key, one in people
        ]
        self._rows(("contacts",), columns, cells)

    def _tree(self) -> None:
        worst = next((key for key, _ in self._entries("severities")), "")
        rungs = [f"{worst} Incident Detected"]
        for step in self._steps(worst):
            people = [self._target(one) for one in spelling.texts(step.get("who"))]
            if step.get("do") in {"page", "escalate", "notify"}:
                after = spelling.said(step.get("after"))
                time = f" ({long_form(after)})" if seconds(after) else ""
                rungs.append(f"{', '.join(people)}{time}")
        arrow = ["        ↓"]
        lines = [line for rung in rungs for line in (*arrow, f"  {rung}")][1:]
        self.out += ["```", *lines, "```"]

    def _target(self, text: str) -> str:
        if text.startswith("on_call."):
            _, rotation, *duty = text.split(".")
            title = self._text("on_call", rotation, "title") or rotation
            return title if duty in ([], ["primary"]) else f"{title} {duty[0]}"
        return text if " " in text else self._role(text)

    def _steps(self, severity: str) -> list[Tree]:
        found = spelling.inside(self.tree, ("escalation", severity))
        steps = found if isinstance(found, list) else []
        return [one for one in steps if isinstance(one, dict)]

    def _escalation(self) -> None:
        self._chapter(3, "Escalation Procedures")
        self._section("3.1", "Incident Severity Levels")
        for key, one in self._entries("severities"):
            self._severity(key, one)
        self._section("3.2", "Escalation Matrix")
        self._matrix()
        self._section("3.3", "Escalation Steps")
        for key in spelling.table(self.tree, "escalation"):
            self._ladder(key)

    def _severity(self, key: str, one: Tree) -> None:
        title = spelling.said(one.get("title"))
        name = f"{key} - {title}" if title != key else key
        self._sub(escape_line(name))
        self.out += [f"**{self._say('Criteria')}:**"]
        self._listing(spelling.texts(one.get("criteria")))
        self.out += [""]
        times = (("Response Time", "response"), ("Resolution Target", "resolution"))
        self._key_values(
            [(name, long_form(spelling.said(one.get(key)))) for name, key in times]
        )
        if actions := spelling.texts(one.get("actions")):
            self.out += ["", f"**{self._say('Actions')}:**"]
            for place, text in enumerate(actions, start=1):
                self.out.append(f"{place}. {escape_line(text)}")

    def _matrix(self) -> None:
        keys = [key for key, _ in self._entries("severities")]
        found: dict[int, dict[str, list[str]]] = {}
        for key in keys:
            for step in self._steps(key):
                row = found.setdefault(seconds(spelling.said(step.get("after"))), {})
                row.setdefault(key, []).append(spelling.said(step.get("title")))
        rows = [
            [
                long_form(spelling.spelled(time)),
                *("; ".join(found[time].get(key, [])) for key in keys),
            ]
            for time in sorted(found)
        ]
        self._table(["Time Elapsed", *(f"{key} Action" for key in keys)], rows)

    def _ladder(self, key: str) -> None:
        title = self._text("severities", key, "title")
        self._sub(escape_line(f"{key} - {title}" if title not in {"", key} else key))
        steps = self._steps(key)
        used = [
            (name, column)
            for name, column in COLUMNS
            if any(name in one for one in steps)
        ]
        rows = [
            [", ".join(spelling.texts(one.get(name))) for name, _ in used]
            for one in steps
        ]
        self._table([column for _, column in used], rows)

    def _monitoring(self) -> None:
        self._chapter(4, "Monitoring and Alerting")
        if self._entries("monitoring", "tools"):
            self._section("4.1", "Monitoring Stack")
            self._simple(("monitoring", "tools"), TOOLS)
        if metrics := self._entries("monitoring", "metrics"):
            self._section("4.2", "Key Metrics Monitored")
            groups: dict[str, list[tuple[str, Tree]]] = {}
            for metric in metrics:
                groups.setdefault(spelling.said(metric[1].get("group")), []).append(
                    metric
                )
            for group, members in groups.items():
                self._sub(escape_line(group))
                self._metrics(members)
        self._section("4.3", "Alert Routing")
        routes = self._entries("alerts", "routes")
        cells = [(key, self._route(one)) for key, one in routes]
        self._rows(("alerts", "routes"), ROUTES, cells)
        if self._entries("on_call"):
            self._section("4.4", "On-Call Schedule")
            for _, one in self._entries("on_call"):
                if watches.is_weekly(one):
                    self._rotation(one)
                else:
                    self._schedule(one)

    def _route(self, one: Tree) -> list[str]:
        title, *roles = (spelling.said(one.get(name)) for _, name in ROUTES)
        return [title, *(self._role(role) for role in roles)]

    def _metrics(self, metrics: list[tuple[str, Tree]]) -> None:
        cells = []
        for key, one in metrics:
            *limits, channel = (spelling.said(one.get(name)) for _, name in METRICS)
            cells.append((key, [*limits, self._channel(channel)]))
        self._rows(("monitoring", "metrics"), METRICS, cells)

    def _channel(self, key: str) -> str:
        kind = self._text("channels", key, "kind")
        if key == "pagerduty":
            return "PagerDuty"
        return f"Slack {key}" if key.startswith("#") and kind in {"slack", ""} else key

    def _rotation(self, one: Tree) -> None:
        members = spelling.texts(one.get("members"))
        columns = ["Week", "Primary On-Call"]
        offsets = {"previous": -1, "next": 1}
        duties = [
            (column, offsets[spelling.said(one.get(name)) or usual])
            for name, column, usual in (
                ("secondary", "Secondary On-Call", "previous"),
                ("shadow", "Shadow", "next"),
            )
            if (spelling.said(one.get(name)) or usual) in offsets
        ]
        rows = []
        for place, member in enumerate(members):
            others = [members[(place + offset) % len(members)] for _, offset in duties]
            first = one.get("first_week") or one.get("first_day")
            week = spelling.week(spelling.said(first), place)
            rows.append([week, *(self._role(key) for key in (member, *others))])
        self._table([*columns, *(column for column, _ in duties)], rows)
        text = "Weekly rotation, primary carries pager, secondary backup"
        self.out += ["", f"**{self._say('Rotation')}:** {text}"]

    def _schedule(self, one: Tree) -> None:
        """A schedule that is no list of weeks: its layers, each with its members."""
        self._sub(escape_line(spelling.said(one.get("title"))))
        rows = [
            (name, ", ".join(map(self._role, members)), handover, hours)
            for name, members, handover, hours in watches.rows(one)
        ]
        self._table(["Layer", "Participants", "Handover", "Hours"], rows)

    def _maintenance(self) -> None:
        self._chapter(5, "Maintenance Schedule")
        if windows := self._entries("maintenance", "windows"):
            self._section("5.1", "Regular Maintenance Windows")
            zone = f"{self._say('Window')} ({self._text('plan', 'time_zone')})"
            names = ("Maintenance Type", "Frequency", zone, "Duration")
            cells = [(key, spelling.window(one)) for key, one in windows]
            columns = [(name, "") for name in names]
            self._rows(("maintenance", "windows"), columns, cells)
        self._checklists()
        if changes := self._entries("changes", "types"):
            self._section("5.3", "Change Management")
            cells = [(key, self._change(one)) for key, one in changes]
            self._rows(("changes", "types"), CHANGES, cells)

    def _checklists(self) -> None:
        if self._entries("maintenance", "before") or self._entries(
            "maintenance", "after"
        ):
            self._section("5.2", "Maintenance Procedures")
        titles = {
            "before": "Pre-Maintenance Checklist",
            "after": "Post-Maintenance Checklist",
        }
        for name, title in titles.items():
            if steps := self._entries("maintenance", name):
                self._sub(self._say(title))
                marks = {"true": " (if needed)"}
                self._listing(
                    (
                        f"{key}{marks.get(str(one.get('optional')), '')}"
                        for key, one in steps
                    ),
                    "- [ ]",
                )

    def _change(self, one: Tree) -> list[str]:
        roles = " + ".join(
            self._role(role) for role in spelling.texts(one.get("approvals"))
        )
        tests, window = (
            spelling.said(one.get("testing")),
            spelling.said(one.get("window")),
        )
        shown = (
            tests.capitalize() if tests == tests.lower() and "_" not in tests else tests
        )
        return [spelling.said(one.get("title")), roles, shown, window.capitalize()]

    def _bugs(self) -> None:
        self._chapter(6, "Bug Fix Procedures")
        levels = self._entries("bugs", "levels")
        if levels:
            self._section("6.1", "Bug Triage Process")
            self._triage([one for _, one in levels])
        if phases := self._entries("hotfix", "phases"):
            self._section("6.2", "Hotfix Procedure")
            for place, (_, one) in enumerate(phases, start=1):
                self._phase(place, one)
        if levels:
            self._section("6.3", "Bug Fix SLA")
            columns = (
                ("Severity", "title"),
                ("Response", "response"),
                ("Fix Target", "fix"),
                ("Communication", "communicate"),
            )
            cells = [(key, spelling.bug(one)) for key, one in levels]
            self._rows(("bugs", "levels"), columns, cells)

    def _triage(self, levels: list[Tree]) -> None:
        triager = self._text("bugs", "triage", "who")
        who = self._text("levels", triager, "title") or self._role(triager)
        within = long_form(self._text("bugs", "triage", "within") or "30m")
        rows = (
            [spelling.said(one.get("title")) for one in levels],
            [f"({spelling.said(one.get('severity'))})" for one in levels],
            [spelling.at_once(spelling.said(one.get("act_within"))) for one in levels],
            [spelling.said(one.get("disposition")).capitalize() for one in levels],
        )
        width = max(len(cell) for row in rows for cell in row) + 3
        arrows = "".join("↓".ljust(width) for _ in levels)
        lines = ["Bug Reported", "     ↓", f"{who} Triage ({within})"]
        for row in rows:
            lines += [arrows, "".join(cell.ljust(width) for cell in row)]
        self.out += ["```", *(line.rstrip() for line in lines), "```"]

    def _phase(self, number: int, one: Tree) -> None:
        times = [long_form(spelling.said(one.get(name))) for name in ("from", "to")]
        title = escape(spelling.said(one.get("title")))
        self.out.append(f"{number}. **{title}** ({' - '.join(times)})")
        self.out += [
            f"   - {escape_line(text)}" for text in spelling.texts(one.get("steps"))
        ]
        self.out.append("")

    def _communication(self) -> None:
        self._chapter(7, "Communication Plan")
        if channels := self._entries("channels"):
            self._section("7.1", "Internal Communication")
            rows = [self._internal(key, one) for key, one in channels]
            self._table(["Channel", "Purpose", "Audience"], rows)
        if self._entries("communication", "external"):
            self._section("7.2", "External Communication")
            columns = (
                ("Channel", "title"),
                ("Purpose", "purpose"),
                ("Update Frequency", "frequency"),
            )
            self._simple(("communication", "external"), columns)
        if levels := self._entries("status_page", "levels"):
            self._section("7.3", "Status Page Updates")
            rows = [
                [
                    key,
                    spelling.title(spelling.said(one.get("state"))),
                    spelling.update(one),
                ]
                for key, one in levels
            ]
            self._table(["Incident Level", "Page Status", "Update Frequency"], rows)

    def _internal(self, key: str, one: Tree) -> list[str]:
        named = key if key.startswith("#") else spelling.title(key.replace("-", "_"))
        known = key.startswith("#") or key == "pagerduty"
        shown = self._channel(key) if known else named
        return [
            shown,
            spelling.said(one.get("purpose")),
            spelling.said(one.get("audience")),
        ]

    def _documentation(self) -> None:
        self._chapter(8, "Documentation")
        if runbooks := self._entries("runbooks"):
            self._section("8.1", "Runbooks")
            columns = (
                ("Runbook", "title"),
                ("Location", "location"),
                ("Last Updated", "updated"),
            )
            cells = [
                (
                    key,
                    [
                        spelling.said(one.get("title")),
                        spelling.said(one.get("location")),
                        long_day(spelling.said(one.get("updated"))),
                    ],
                )
                for key, one in runbooks
            ]
            self._rows(("runbooks",), columns, cells)
        if places := self._entries("knowledge_base"):
            self._section("8.2", "Knowledge Base")
            self._listing(
                f"{spelling.said(one.get('title'))}: {spelling.said(one.get('url'))}"
                for _, one in places
            )

    def _reviews(self) -> None:
        self._chapter(9, "Review and Improvement")
        if reviews := self._entries("reviews"):
            self._section("9.1", "Regular Reviews")
            columns = (
                ("Review Type", "title"),
                ("Frequency", "frequency"),
                ("Participants", "participants"),
                ("Output", "output"),
            )
            cells = [(key, self._review(one)) for key, one in reviews]
            self._rows(("reviews",), columns, cells)
        if texts := spelling.texts(spelling.inside(self.tree, ("improvement",))):
            self._section("9.2", "Continuous Improvement")
            for place, text in enumerate(texts, start=1):
                self.out.append(f"{place}. {escape_line(text)}")

    def _review(self, one: Tree) -> list[str]:
        often = spelling.said(one.get("frequency"))
        shown = often[:1].upper() + often[1:]
        people = " + ".join(
            self._role(role) for role in spelling.texts(one.get("participants"))
        )
        return [
            spelling.said(one.get("title")),
            shown,
            people,
            spelling.said(one.get("output")),
        ]

    def _appendices(self) -> None:
        self._chapter(10, "Appendices")
        appendix = "Appendix {}: "
        letters = iter("ABCDEFG")
        if procedures := self._entries("emergency_procedures"):
            self._section(
                appendix.format(next(letters)).strip(), "Emergency Procedures"
            )
            self._listing(
                ": ".join(spelling.said(one.get(name)) for name in ("title", "runbook"))
                for _, one in procedures
            )
        if vendors := self._entries("vendors"):
            self._section(appendix.format(next(letters)).strip(), "Vendor Contacts")
            self._listing(spelling.said(one.get("title")) for _, one in vendors)
        texts = self._compliance()
        if texts:
            self._section(appendix.format(next(letters)).strip(), "Compliance")
            self._listing(texts)

    def _compliance(self) -> list[str]:
        texts = []
        if spelling.inside(self.tree, ("compliance", "retention")):
            texts.append("Data retention policies")
        for text in spelling.texts(spelling.inside(self.tree, ("compliance", "audit"))):
            texts.append(text if "audit" in text.lower() else f"Audit: {text}")
        obligations = self._entries("compliance", "obligations")
        return texts + [spelling.said(one.get("title")) for _, one in obligations]

    def _approval(self) -> None:
        signers = spelling.texts(spelling.inside(self.tree, ("plan", "signers")))
        if signers:
            self.out += ["", "---", "", f"**{self._say('Document Approval')}**", ""]
            names = ["Role", "Name", "Signature", "Date"]
            self._table(names, [self._signature(role) for role in signers])

    def _signature(self, role: str) -> list[str]:
        entry = spelling.table(self.tree, "plan", "signatures", role)
        values = [
            spelling.said(entry.get(name)) for name in ("name", "signature", "date")
        ]
        return [self._role(role), *values]
