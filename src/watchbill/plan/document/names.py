"""Names: whom a table means by "Tech Lead", "Eng Mgr", "DBA" or "Payment Lead".

A phrase is compared with the titles of the contacts word by word, and a word may be
cut short. A role that the tables use and the contacts lack, such as "Backend Lead",
becomes an alias of whoever is nearest (A10); the report says so each time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from watchbill.plan.document.draft import Because, Draft
from watchbill.plan.document.words import as_key, slug, western
from watchbill.plan.values import is_placeholder

_SHORT = {
    "tech": "technical",
    "mgr": "manager",
    "mgmt": "management",
    "admin": "administrator",
    "ops": "operations",
    "dev": "developer",
    "sec": "security",
    "db": "database",
    "hd": "help desk",
    "dba": "database administrator",
    "pm": "product manager",
    "em": "engineering manager",
    "sre": "site reliability engineer",
}

_RANKS = re.compile(
    r"lead|leader|engineer|specialist|manager|expert|owner|head|team|member"
)

ON_CALL = re.compile(r"\bon[- ]?call\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Whom a phrase means."""

    role: str
    #: Set when it had to be interpreted.
    because: Because | None = None


class Names:
    """The people and levels of a draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def people(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield the id, the title and the specialties of every contact."""
        for key, entry in self.draft.entries("contacts"):
            skills = entry.get("expertise")
            listed = skills if isinstance(skills, list) else []
            yield key, str(entry.get("title", "")), tuple(str(one) for one in listed)

    def level(self, text: str) -> str | None:
        """Return the level that a text names, by its key, number or title."""
        levels = dict(self.draft.entries("levels"))
        found = re.search(r"\b(?:level|tier|l)[- ]?(\d+)\b", western(text), re.I)
        if found and f"L{found[1]}" in levels:
            return f"L{found[1]}"
        wanted = slug(text, "")
        for key, entry in levels.items():
            if wanted and wanted in {
                slug(str(entry.get("title", "")), ""),
                key.lower(),
            }:
                return key
        return None

    def known(self) -> set[str]:
        """Return every name that already means somebody."""
        names = {key for key, _, _ in self.people()}
        for _, entry in self.draft.entries("contacts"):
            roles = entry.get("roles")
            names.update(map(str, roles if isinstance(roles, list) else ()))
        names.update(self.draft.table("levels"), self.draft.table("aliases"))
        return names | set(self.draft.table("groups"))

    def person(self, text: str) -> str | None:
        """Return the contact whom an on-call table names, by title, name or id."""
        found = self.resolve(text)
        if found is not None and found.role in self.draft.table("contacts"):
            return found.role
        for key, entry in self.draft.entries("contacts"):
            if is_placeholder(text):
                return None
            if text and str(entry.get("name", "")).lower() == text.lower():
                return key
        return None

    def resolve(self, text: str) -> Resolved | None:
        """Return the role that a phrase means, None when it fits nobody."""
        phrase = re.sub(r"\(.*?\)", " ", text).strip()
        if not phrase:
            return None
        exact = as_key(phrase, "")
        for name in (exact, slug(phrase, "")):
            if name and name in self.known():
                return Resolved(role=name)
        if level := self.level(phrase):
            return Resolved(role=level)
        return self._by_title(phrase) or self._by_alias(phrase)

    def role(self, text: str, line: int) -> str:
        """Return the role that a table names; make an alias for one nobody has."""
        found = self.resolve(text)
        if found is None:
            return self._orphan(text, line)
        if found.because is None:
            return found.role
        alias = slug(text, found.role)
        self.draft.put(("aliases", alias), found.role, line, found.because)
        return alias

    def _by_title(self, phrase: str) -> Resolved | None:
        best, rate = None, 0.0
        for key, title, _ in self.people():
            fits = _fit(phrase, title)
            if fits > rate:
                best, rate = key, fits
        if best is None:
            return None
        shared = slug(self.draft.text("contacts", best, "title"), "")
        role = shared if shared in self.known() else best
        return Resolved(role=role)

    def _by_alias(self, phrase: str) -> Resolved | None:
        kept = [word for word in _words(phrase) if not _RANKS.fullmatch(word)]
        core = " ".join(kept)
        if not core:
            return None
        rated = [(_fit(core, title), key) for key, title, _ in self.people()]
        skilled = [
            (0.9, key)
            for key, _, skills in self.people()
            if slug(core, "") in {slug(one, "") for one in skills}
        ]
        rate, best = max([*rated, *skilled], key=lambda one: one[0], default=(0.0, ""))
        if rate <= 0:
            return None
        title = self.draft.text("contacts", best, "title")
        reason = f'nobody has the role "{phrase}"; the nearest is {title}'
        return Resolved(role=best, because=Because(reason=reason, decision="A10"))

    def _orphan(self, text: str, line: int) -> str:
        """An alias for a role that is like nobody's: whoever stands highest."""
        people = list(self.reachable()) or [key for key, _, _ in self.people()]
        alias = slug(text, "unknown_role")
        if not people or alias in self.known():
            return alias
        reason = f'nobody has the role "{text}"; the last contact stands in'
        because = Because(reason=reason, decision="A10")
        self.draft.put(("aliases", alias), people[-1], line, because)
        return alias

    def reachable(self) -> Iterator[str]:
        """Yield the contacts with an address or a number, filled in or not."""
        for key, entry in self.draft.entries("contacts"):
            if entry.get("email") or entry.get("phone"):
                yield key

    def skilled(self, text: str) -> Iterator[str]:
        """Yield the contacts whose title or specialties share a word with a text."""
        wanted = set(_words(text))
        for key, title, skills in self.people():
            if wanted & {*_words(title), *_words(" ".join(skills))}:
                yield key


def _words(text: str) -> list[str]:
    said = re.findall(r"[^\W_]+", western(text).lower())
    return " ".join(_SHORT.get(word, word) for word in said).split()


def _fit(phrase: str, title: str) -> float:
    """How much of a title a phrase says; 0 when it says a word that is not in it."""
    wanted, words = _words(phrase), _words(title)
    at = 0
    for word in wanted:
        while at < len(words) and not _is_short_for(word, words[at]):
            at += 1
        if at == len(words):
            return 0.0
        at += 1
    return len(wanted) / len(words) if words and wanted else 0.0


def _is_short_for(short: str, word: str) -> bool:
    return word == short or (len(short) >= 3 and word.startswith(short))
