"""Ladders: one for each severity, from all that the document says of escalation.

The matrix is the master; the contact tree and the texts of the severities add to it
whom they name at the same time (A1). What a plan needs and a document leaves open,
such as the second page when nobody answers, is filled in and reported (A2, A18, A32).
"""

import re
from collections.abc import Iterable

from watchbill.plan.document.draft import Because, Draft, Tree, Value
from watchbill.plan.document.names import ON_CALL, Names
from watchbill.plan.document.severity import Saying, Scale, sort_key
from watchbill.plan.document.words import seconds

_LOOP = Because(
    reason="who is paged when nobody acknowledges is not said", decision="A2"
)
_P2_PAGE = Because(
    reason="an answer is promised at any hour and nobody is paged", decision="A32"
)
_MERGED = Because(reason="two places name different people at one time", decision="A1")

_NAMED_VERBS = (
    ("postmortem", r"post-?mortem|retrospective|root cause|\brca\b|\bpir\b"),
    ("create_ticket", r"\bticket\b|\bcase\b.*(creat|open)|creat\w* (a )?(case|issue)"),
    ("page", r"\bauto-?page|(?<!status )\bpage\b|\bcall\b|\bphone\b"),
    ("escalate", r"escalat|အဆင့်မြှင့်"),
    ("notify", r"notif|inform|\btell\b|\balert\b|e-?mail|update|brief|အကြောင်းကြား"),
)


_VERB_WORDS = re.compile(
    r"\b(auto-?|(auto-?)?escalat\w*|notif\w*|inform\w*|tell|(auto-?)?page|call|phone"
    r"|alert|e-?mail|update|brief|to|the)\b",
    re.IGNORECASE,
)


class Ladders:
    """Makes the steps of every severity."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.draft: Draft = scale.draft
        self.names: Names = scale.names

    def build(self) -> None:
        """Write the ladder of every severity into the draft."""
        for key, _ in self.draft.entries("severities"):
            if self.draft.get(("escalation", key)) is not None:
                continue
            sayings = [one for one in self.scale.sayings if one.severity == key]
            steps: list[Tree] = []
            for saying in sorted(sayings, key=sort_key):
                self._add(steps, saying)
            steps = self._completed(key, steps)
            line = min((one.line for one in sayings), default=None)
            value: list[Value] = [dict(step) for step in _in_order(steps)]
            if line is None:
                reason = f"the document has no steps for {key}"
                self.draft.guess(("escalation", key), value, Because(reason=reason))
            else:
                self.draft.put(("escalation", key), value, line)

    def _add(self, steps: list[Tree], saying: Saying) -> None:
        step = self._step(saying)
        if step is None:
            reason = f'"{saying.text}" is not understood as a step'
            self.draft.unplaced(saying.line, reason, ("escalation", saying.severity))
            return
        self.draft.note(saying.line, ("escalation", saying.severity))
        for other in steps:
            if _is_same(other, step):
                self._merge(other, step, saying)
                return
        steps.append(step)

    def _merge(self, kept: Tree, added: Tree, saying: Saying) -> None:
        """Take the people of a second place into the step of the first."""
        people, more = _who(kept), _who(added)
        if kept["do"] == "create_ticket" and len(str(added["title"])) > len(
            str(kept["title"])
        ):
            kept["title"] = added["title"]
        if missing := [one for one in more if one not in people]:
            kept["who"] = [*missing, *people]
            path = ("escalation", saying.severity)
            self.draft.note(saying.line, path, _MERGED)

    def _step(self, saying: Saying) -> Tree | None:
        text = saying.text
        verb = next(
            (v for v, words in _NAMED_VERBS if re.search(words, text, re.I)), None
        )
        channel = re.search(r"#[A-Za-z0-9][A-Za-z0-9_-]*", text)
        if channel and verb in {"notify", None}:
            return _entry(saying.after, "post", text, [channel[0]])
        if verb == "postmortem":
            who = self._lead()
            return _entry(saying.after, verb, text, who, {"from": "resolved"})
        if verb == "create_ticket":
            return _entry(saying.after, verb, text, [])
        target = self._target(saying, verb)
        if target is None:
            return None
        return _entry(saying.after, verb or self._verb_for(target), text, [target])

    def _verb_for(self, target: str) -> str:
        """What a bare name in a contact tree means: page the on-call, tell others."""
        level = self.draft.text("contacts", target, "level")
        cover = self.draft.text("levels", level, "cover")
        if target.startswith("on_call."):
            return "page"
        return "notify" if cover == "on_request" else "escalate"

    def _target(self, saying: Saying, verb: str | None) -> str | None:
        found = self._named(saying)
        if found is None and verb == "escalate":
            return self._next_level(saying)
        return found

    def _named(self, saying: Saying) -> str | None:
        """The target that the words name; None when they name none."""
        text = re.sub(
            r"\bafter\b.*|\bwithin\b.*|\bif\b.*|\bimmediately\b",
            "",
            saying.text,
            flags=re.I,
        )
        text = re.sub(r"\(.*?\)", "", text)
        if ON_CALL.search(text) or re.fullmatch(r"\W*auto-?page\W*", text, re.I):
            duty = "secondary" if re.search("second|backup", text, re.I) else "primary"
            return f"on_call.{self.rotation()}.{duty}"
        phrase = " ".join(_VERB_WORDS.sub(" ", text).split())
        if not phrase:
            return None
        if level := self.names.level(phrase):
            return self._level_target(level)
        return self.names.role(phrase, saying.line)

    def _level_target(self, level: str) -> str:
        on_call = self.draft.text("levels", level, "cover") == "on_call"
        return f"{level} by category" if on_call else level

    def _next_level(self, saying: Saying) -> str | None:
        """Whom "escalate after 4 hours" means: what the matrix says, else L2."""
        for other in self.scale.sayings:
            same = other.severity == saying.severity and other.is_matrix
            same = same and seconds(other.after) == seconds(saying.after)
            if same and (named := self._named(other)) is not None:
                return named
        levels = list(self.draft.table("levels"))
        return self._level_target(levels[min(1, len(levels) - 1)]) if levels else None

    def rotation(self) -> str:
        """Return the rotation that "on-call" means."""
        return next(iter(self.draft.table("on_call")), "primary-oncall")

    def _lead(self) -> list[str]:
        found = self.names.resolve("Technical Lead") or self.names.resolve("Lead")
        first = next((key for key, _, _ in self.names.people()), None)
        role = found.role if found and not found.because else first
        return [role] if role else []

    def _completed(self, key: str, steps: list[Tree]) -> list[Tree]:
        """The steps with those that the document leaves out."""
        primary = f"on_call.{self.rotation()}.primary"
        pages = [one for one in steps if one["do"] == "page" and one["after"] == "0m"]
        is_urgent = self._is_urgent(key)
        if pages and any(_who(one) == [primary] for one in pages):
            return [*steps, *self._loop(key, primary)]
        if not steps and not is_urgent:
            return [_entry("0m", "create_ticket", "Create a ticket", [])]
        if is_urgent and not pages:
            return [*steps, *self._pages(key, primary)]
        return steps

    def _is_urgent(self, key: str) -> bool:
        response = self.draft.text("severities", key, "response")
        return key == self.scale.worst() or 0 < seconds(response) <= 900

    def _loop(self, key: str, primary: str) -> list[Tree]:
        self.draft.guess(("_", key, "loop"), "paged", _LOOP)
        again = "Page the on-call again"
        loop = [_entry("2m", "page", again, [primary])]
        if self.draft.text("on_call", self.rotation(), "secondary") != "none":
            secondary = primary.replace("primary", "secondary", 1)
            secondary = f"on_call.{self.rotation()}.secondary"
            loop.append(_entry("5m", "page", "Page the secondary on-call", [secondary]))
        group = self._team()
        return [*loop, _entry("10m", "page", "Page the whole on-call team", [group])]

    def _team(self) -> str:
        members = self.draft.get(("on_call", self.rotation(), "members"))
        key = "on_call_team" if "devops" in self.names.known() else "devops"
        reason = "those who take turns on call are one group"
        self.draft.guess(
            ("groups", key), members, Because(reason=reason, decision="A2")
        )
        return key

    def _pages(self, key: str, primary: str) -> Iterable[Tree]:
        self.draft.guess(("_", key, "page"), "paged", _P2_PAGE)
        title = "Page the on-call"
        worst = key == self.scale.worst()
        if worst:
            return [_entry("0m", "page", title, [primary])]
        outside: Tree = {"when": "outside_business_hours"}
        return [
            _entry("0m", "page", title, [primary], outside),
            _entry("10m", "page", title, [primary]),
        ]


def _entry(
    after: str, verb: str, title: str, who: list[str], more: Tree | None = None
) -> Tree:
    step: Tree = {"after": after}
    step |= more or {}
    step["do"] = verb
    if who:
        step["who"] = list(who)
    step["title"] = title
    return step


def _who(step: Tree) -> list[str]:
    who = step.get("who")
    return [str(one) for one in who] if isinstance(who, list) else []


def _is_same(one: Tree, other: Tree) -> bool:
    """Whether two places say one step: same time and verb, or the same people."""
    if seconds(str(one["after"])) != seconds(str(other["after"])):
        return False
    if one.get("from") != other.get("from"):
        return False
    verbs = {one["do"], other["do"]}
    if len(verbs) == 1:
        return one["do"] != "post" or _who(one) == _who(other)
    people = {"page", "escalate", "notify"}
    return verbs <= people and bool(set(_who(one)) & set(_who(other)))


def _in_order(steps: list[Tree]) -> list[Tree]:
    return sorted(steps, key=lambda one: ("from" in one, seconds(str(one["after"]))))
