"""Defaults: what a plan needs and the document does not say, each with its reason.

Nothing here is silent: every value is a guess in the report, with the decision that
gives it, and a comment in the plan file.
"""

from datetime import date, timedelta

from watchbill.plan.document.draft import Because, Draft, Tree, Value
from watchbill.plan.document.knowledge import audience, channel_kind
from watchbill.plan.document.names import Names
from watchbill.plan.document.severity import Scale
from watchbill.plan.document.words import clock_range, is_blank, seconds, weekdays
from watchbill.plan.values import UnreadableError, parse_date

_A = Because


class Defaults:
    """Fills the holes of a draft."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.draft: Draft = scale.draft
        self.names: Names = scale.names

    def before_ladders(self) -> None:
        """Fill in what the ladders are made of: people, severities, the rotation."""
        self._people()
        self._owner()
        self._severities()
        self._rotation()

    def after_ladders(self) -> None:
        """Fill in the rest."""
        self._plan()
        self._shifts()
        self._tickets()
        self._alerts()
        self._routes()
        self._maintenance()
        self._bugs()
        self._channels()
        self._groups()

    def _guess(
        self, path: tuple[str, ...], value: Value | list[str], because: Because
    ) -> None:
        self.draft.guess(path, value, because)

    def _keys(self, *path: str) -> list[str]:
        return list(self.draft.table(*path))

    # ── Who ──────────────────────────────────────────────────────────────────

    def _people(self) -> None:
        if not self._keys("contacts"):
            because = _A(reason="the document names no contacts")
            self._guess(("levels", "L1", "title"), "Support", because)
            self._guess(("levels", "L1", "cover"), "on_request", because)
            entry = {"id": "support", "level": "L1", "title": "Support"}
            for name, value in {**entry, "name": "[Name]"}.items():
                self._guess(("contacts", "support", name), value, because)
        levels = [
            str(entry.get("level", "")) for _, entry in self.draft.entries("contacts")
        ]
        for level in levels:
            because = _A(reason=f"the level {level} has no heading")
            self._guess(("levels", level, "title"), level, because)
            self._guess(("levels", level, "cover"), "on_request", because)
        self._expert()

    def _expert(self) -> None:
        experts = [
            key
            for key, entry in self.draft.entries("contacts")
            if self.draft.text("levels", str(entry.get("level", "")), "cover")
            == "on_call"
        ]
        if experts:
            chosen = next((k for k in experts if "database" in k), experts[0])
            reason = "who is asked when nobody has the specialty is not said"
            because = _A(reason=reason, decision="A22")
            self._guess(("default_expert",), chosen, because)

    def _rotation(self) -> None:
        keys = self._keys("on_call") or ["primary-oncall"]
        path = ("on_call", keys[0])
        because = _A(
            reason="hour and team of the handover are not said", decision="A23"
        )
        self._guess((*path, "title"), self._rotation_title(), because)
        self._guess((*path, "members"), self._turns(), because)
        self._guess((*path, "first_week"), self._effective(), because)
        self._guess((*path, "handover"), "10:00", because)
        members = self.draft.get((*path, "members"))
        if isinstance(members, list) and len(members) < 2:
            for duty in ("secondary", "shadow"):
                self._guess((*path, duty), "none", because)

    def _rotation_title(self) -> str:
        for saying in self.scale.sayings:
            words = saying.text.lower()
            if "on-call" in words and "devops" in words:
                return "DevOps on-call"
        return "On-call"

    def _turns(self) -> list[Value]:
        """Those who take turns: the engineers of the level of the first responder."""
        people = list(self.draft.entries("contacts"))
        first = self.names.resolve("DevOps")
        level = self.draft.text("contacts", first.role, "level") if first else ""
        levels = self._keys("levels")
        level = level or levels[min(1, len(levels) - 1)]
        team = [key for key, one in people if one.get("level") == level]
        engineers = [key for key in team if not key.endswith(("lead", "manager"))]
        chosen = engineers or team or [key for key, _ in people][:1]
        if first and first.role in chosen:
            chosen.remove(first.role)
            chosen.insert(0, first.role)
        return list(chosen)

    def _effective(self) -> str:
        return self.draft.text("plan", "effective") or "2026-01-01"

    # ── How bad ──────────────────────────────────────────────────────────────

    def _severities(self) -> None:
        if not self._keys("severities"):
            because = _A(reason="the document has no severities", decision="A5")
            titles = ("Critical", "High", "Medium", "Low")
            for key, title in zip(("P1", "P2", "P3", "P4"), titles, strict=True):
                self._guess(("severities", key, "title"), title, because)
        times = (("5m", "1h"), ("15m", "4h"), ("1h", "24h"), ("4h", "72h"))
        for place, (key, entry) in enumerate(self.draft.entries("severities")):
            path = ("severities", key)
            response, resolution = times[min(place, 3)]
            because = _A(reason=f"{key} has no such target", decision="A5")
            if not entry.get("response"):
                self._guess((*path, "response"), response, because)
            self._guess((*path, "resolution"), resolution, because)
            reason = f"by which criteria something is {key} is not said"
            title = self.draft.text(*path, "title")
            self._guess((*path, "criteria"), [title or key], _A(reason=reason))
            urgent = place == 0 or seconds(self.draft.text(*path, "response")) <= 900
            reason = f"whether {key} may wake somebody is not said"
            value = "high" if urgent else "low"
            because = _A(reason=reason, decision="A32")
            self._guess((*path, "urgency"), value, because)

    def _tickets(self) -> None:
        levels = self._keys("levels")
        for place, key in enumerate(self._keys("severities")):
            steps = self.draft.get(("escalation", key))
            listed = steps if isinstance(steps, list) else []
            title = next(
                (
                    str(one.get("title"))
                    for one in listed
                    if isinstance(one, dict) and one.get("do") == "create_ticket"
                ),
                None,
            )
            if title is None or self.draft.get(("severities", key, "ticket")):
                continue
            words = title.lower()
            usual = ("high", "high", "standard", "low")[min(place, 3)]
            named = [w for w in ("high", "standard", "low") if w in words]
            because = _A(
                reason=f"who gets the ticket of {key} is not said", decision="A33"
            )
            path = ("severities", key, "ticket")
            self._guess((*path, "priority"), (named or [usual])[0], because)
            urgent = self.draft.text("severities", key, "urgency") == "high"
            team = levels[0]
            if urgent:
                team = audience(self.draft, self.names, "engineering", 0)
            self._guess((*path, "team"), team, because)

    # ── The head ─────────────────────────────────────────────────────────────

    def _plan(self) -> None:
        self._guess(("watchbill",), "1", _A(reason="the format of the plan file"))
        for key, value, decision in (
            ("title", "Support Plan", ""),
            ("product", "the product", ""),
            ("version", "1.0", ""),
            ("effective", "2026-01-01", ""),
            ("review", "quarterly", "A42"),
        ):
            reason = f"the document does not say the plan's {key}"
            self._guess(("plan", key), value, _A(reason=reason, decision=decision))
        phones = [
            str(one.get("phone", "")) for _, one in self.draft.entries("contacts")
        ]
        home = any(phone.startswith("+95") for phone in phones) or not any(phones)
        because = _A(reason="the document names no time zone", decision="A57")
        zone = "Asia/Yangon" if home else "Etc/UTC"
        self._guess(("plan", "time_zone"), zone, because)
        because = _A(
            reason="the languages of public texts are not said", decision="A50"
        )
        local = self.draft.text("plan", "time_zone") == "Asia/Yangon"
        self._guess(("plan", "languages"), ["my", "en"] if local else ["en"], because)
        because = _A(reason="business hours are not said", decision="A20")
        for key, value in (("days", "mon-fri"), ("from", "09:00"), ("to", "18:00")):
            self._guess(("business_hours", key), value, because)

    def _owner(self) -> None:
        owner = self.draft.text("plan", "owner")
        if not owner or owner in self.names.known():
            self._guess(
                ("plan", "owner"),
                self._keys("levels")[-1],
                _A(reason="the document names no owner"),
            )
            return
        found = self.names.resolve(owner.replace("_", " "))
        if found is not None and "team" not in owner:
            because = _A(reason=f'"{owner}" is another name', decision="A10")
            self._guess(("aliases", owner), found.role, because)
            return
        leads = [key for key in self._keys("contacts") if key.endswith("lead")]
        devops = [key for key in self._keys("contacts") if key.startswith("devops")]
        members: list[Value] = [*leads, *devops]
        because = _A(reason=f'who is in "{owner}" is not said', decision="A10")
        self._guess(
            ("groups", owner), members or [*self._keys("contacts")[:1]], because
        )

    def _shifts(self) -> None:
        hours = {
            "day": ("mon-fri", "08:00", "20:00"),
            "night": ("mon-sun", "20:00", "08:00"),
            "weekend": ("sat-sun", "08:00", "20:00"),
            "morning": ("mon-sun", "06:00", "14:00"),
            "evening": ("mon-sun", "14:00", "22:00"),
        }
        for _, entry in list(self.draft.entries("contacts")):
            shift = str(entry.get("shift", ""))
            if is_blank(shift):
                continue
            times = clock_range(shift.replace("_", "-")) or ("08:00", "20:00")
            usual = (weekdays(shift) or "mon-sun", *times)
            because = _A(
                reason=f"the hours of the shift {shift} are not said", decision="A21"
            )
            for key, value in zip(
                ("days", "from", "to"), hours.get(shift, usual), strict=True
            ):
                self._guess(("shifts", shift, key), value, because)

    # ── Alerts ───────────────────────────────────────────────────────────────

    def _alerts(self) -> None:
        keys = self._keys("severities")
        quiet = [
            k for k in keys if self.draft.text("severities", k, "urgency") == "low"
        ]
        because = _A(
            reason="which incidents resolve by themselves is not said", decision="A12"
        )
        self._guess(("alerts", "auto_resolve"), list(quiet), because)
        second = keys[min(1, len(keys) - 1)]
        third = keys[min(2, len(keys) - 1)]
        because = _A(reason="what an alert's label means is not said", decision="A12")
        path = ("alerts", "severity")
        self._guess((*path, "default"), third, because)
        labels = {"critical": second, "warning": third, "info": keys[-1]}
        for label, value in labels.items():
            self._guess((*path, "labels", label), value, because)
        times = (("0m", "5m", "15m"), ("0m", "15m", "30m"))
        urgent = [key for key in keys if key not in quiet]
        because = _A(
            reason="when the contacts of a route are told is not said", decision="A11"
        )
        for key, row in zip(urgent, times, strict=False):
            for rank, time in zip(
                ("primary", "secondary", "escalation"), row, strict=True
            ):
                self._guess(("alerts", "contacting", key, rank), time, because)
        self._after_hours(keys, quiet)

    def _after_hours(self, keys: list[str], quiet: list[str]) -> None:
        if set(keys) >= {"P1", "P2", "P3", "P4"}:
            return
        because = _A(
            reason="who is paged outside business hours is not said", decision="A29"
        )
        for place, key in enumerate(keys):
            value = "queue" if key in quiet else "oncall_only"
            value = "page" if place == 0 else value
            self._guess(("alerts", "after_hours", key), value, because)
        if len(keys) > 1 and "P2" not in keys:
            because = _A(reason="what silence of the monitoring creates is not said")
            self._guess(("monitoring", "silence_creates"), keys[1], because)

    def _routes(self) -> None:
        if not self._keys("alerts", "routes"):
            people = list(self.names.reachable()) or self._keys("contacts")
            because = _A(reason="the document does not route alerts")
            path = ("alerts", "routes", "general")
            self._guess((*path, "title"), "General", because)
            for rank, key in (
                ("primary", people[0]),
                ("secondary", people[len(people) // 2]),
                ("escalation", people[-1]),
            ):
                self._guess((*path, rank), key, because)
        routes = self._keys("alerts", "routes")
        because = _A(reason="which alerts take the route is not said", decision="A11")
        for key, entry in list(self.draft.entries("alerts", "routes")):
            match: Tree = {"alert_type": [key]}
            conditions: list[Value] = [match]
            self._guess(("alerts", "routes", key, "match"), conditions, because)
            for rank in ("primary", "secondary", "escalation"):
                if entry.get(rank) is None:
                    primary = self.draft.text("alerts", "routes", key, "primary")
                    self._guess(("alerts", "routes", key, rank), primary, because)
        catch_all = "infrastructure" if "infrastructure" in routes else routes[-1]
        because = _A(reason="where other alerts go is not said", decision="A11")
        self._guess(("alerts", "catch_all"), catch_all, because)
        self._severity_rules(routes)

    def _severity_rules(self, routes: list[str]) -> None:
        """Critical alerts about payment and security are of the worst severity."""
        worst = self.scale.worst()
        rules: list[Value] = []
        for key, why in (
            ("payment", "payments fail"),
            ("security", "security is breached"),
        ):
            if key in routes and worst is not None:
                match: Tree = {"alert_type": [key], "severity": ["critical"]}
                rules.append({"severity": worst, "because": why, "match": [match]})
        because = _A(
            reason="which alerts are of the worst severity is not said", decision="A12"
        )
        if rules:
            self._guess(("alerts", "severity", "rules"), rules, because)

    # ── The rest ─────────────────────────────────────────────────────────────

    def _maintenance(self) -> None:
        words = ("security", "database", "performance", "depend")
        windows = [
            key
            for key, entry in self.draft.entries("maintenance", "windows")
            if entry.get("repeats") != "daily"
        ]
        ranked = sorted(
            windows,
            key=lambda key: next(
                (n for n, word in enumerate(words) if word in key), len(words)
            ),
        )
        if ranked:
            reason = "which window gives way to which is not said"
            because = _A(reason=reason, decision="A24")
            self._guess(("maintenance", "priority"), list(ranked), because)

    def _bugs(self) -> None:
        levels = list(self.draft.entries("bugs", "levels"))
        severities = self._keys("severities")
        for place, (key, _) in enumerate(levels):
            path = ("bugs", "levels", key)
            title = self.draft.text(*path, "title")
            severity = (
                self.scale.find(title) or severities[min(place, len(severities) - 1)]
            )
            because = _A(reason=f"{title} has no such value", decision="A5")
            self._guess((*path, "severity"), severity, because)
            target = self.draft.text("severities", severity, "resolution")
            usual = (
                ("act_within", target),
                ("disposition", ("hotfix", "sprint", "backlog")[min(place, 2)]),
                ("response", self.draft.text("severities", severity, "response")),
                ("fix", target),
                ("communicate", "daily"),
            )
            for name, value in usual:
                self._guess((*path, name), value, because)
        if levels:
            first = self._keys("levels")[0]
            because = _A(reason="who triages bugs is not said", decision="A37")
            self._guess(("bugs", "triage", "who"), first, because)
            self._guess(("bugs", "triage", "within"), "30m", because)
            self._sprint()
        self._hotfix([key for key, _ in levels])

    def _sprint(self) -> None:
        text = str(self.draft.table("bugs", "levels"))
        if "sprint" not in text:
            return
        try:
            start = parse_date(self._effective())
        except UnreadableError:
            start = date(2026, 1, 1)
        monday = start + timedelta(days=-start.weekday() % 7)
        because = _A(reason="when sprints begin is not said", decision="A36")
        self._guess(("bugs", "sprint", "first_day"), monday.isoformat(), because)
        self._guess(("bugs", "sprint", "length"), "14d", because)

    def _hotfix(self, levels: list[str]) -> None:
        if not self.draft.get(("hotfix", "phases")):
            return
        fix = self.draft.text("bugs", "levels", levels[0], "fix") if levels else ""
        because = _A(reason="the fix target of the worst bugs binds", decision="A7")
        self._guess(("hotfix", "target"), fix if seconds(fix) else "4h", because)

    def _channels(self) -> None:
        used: dict[str, str] = {}
        for _, entry in self.draft.entries("monitoring", "metrics"):
            used[str(entry.get("channel") or "pagerduty")] = "Alerts about metrics"
        for key in self._keys("escalation"):
            steps = self.draft.get(("escalation", key))
            for step in steps if isinstance(steps, list) else []:
                who = step.get("who") if isinstance(step, dict) else None
                for one in who if isinstance(who, list) else []:
                    if str(one).startswith("#"):
                        used[str(one)] = "News of incidents"
        for key, purpose in used.items():
            if key in self._keys("channels"):
                continue
            because = _A(reason=f"{key} is used and not described", decision="A12")
            kind = "slack" if key.startswith("#") else channel_kind(key)
            self._guess(("channels", key, "kind"), kind, because)
            self._guess(("channels", key, "purpose"), purpose, because)
            self._guess(("channels", key, "audience"), "Engineering", because)
        for key, entry in list(self.draft.entries("monitoring", "metrics")):
            if not entry.get("channel"):
                because = _A(reason=f"{key} names no channel", decision="A12")
                self._guess(
                    ("monitoring", "metrics", key, "channel"), "pagerduty", because
                )

    def _groups(self) -> None:
        for _, entry in list(self.draft.entries("channels")):
            text = str(entry.get("audience", ""))
            if text:
                self._known_audience(text)
        self._fallback()

    def _known_audience(self, text: str) -> None:
        for word in ("support", "engineering", "management", "all"):
            if word in text.lower():
                audience(self.draft, self.names, word, 0)

    def _fallback(self) -> None:
        because = _A(
            reason="who is told when nobody else answers is not said", decision="A2"
        )
        levels = self._keys("levels")
        filled = [
            str(one.get("level"))
            for _, one in self.draft.entries("contacts")
            if one.get("email") or one.get("phone")
        ]
        top = next((one for one in reversed(levels) if one in filled), levels[-1])
        groups = self.draft.table("groups")
        named = next(
            (k for k, v in groups.items() if k == "management" and v == [top]), top
        )
        self._guess(("fallback",), [named], because)
