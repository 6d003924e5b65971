"""Communication: every audience is somebody, every promise to the public is whole.

An audience is written in words, such as "All staff", and means the group of that name
(A55). A public text that lacks one of the plan's languages is reported and still told:
news in one language is better than none (A50).
"""

from collections.abc import Iterator, Mapping

from watchbill.plan.check.case import Case
from watchbill.plan.check.names import check_role, check_severity
from watchbill.plan.findings import Code, Finding
from watchbill.plan.sections.communication import Missing
from watchbill.plan.source import Path

UNDERSTOOD = frozenset({"all", "everyone", "everybody", "on-call"})
"""Audiences that no group needs to define."""


def group_of(audience: str) -> str:
    """Return the name of the group that an audience means: "All staff", all_staff."""
    return "_".join(audience.lower().split())


def check_communication(case: Case) -> Iterator[Finding]:
    """Yield what is wrong or wanting in channels, status page and knowledge base."""
    yield from _audiences(case)
    page = case.file.status_page
    for severity, level in page.levels.items() if page else ():
        path: Path = ("status_page", "levels", severity)
        yield from check_severity(case, path, severity, is_key=True)
        if not level.update_every and level.update is None:
            message = f"nothing says when the public hears of a {severity} again"
            hint = "Write update_every: 30m, or update: before and after."
            yield case.at_key(Code.NO_CADENCE, path, message, hint)
        if level.title is not None:
            yield from _translations(case, (*path, "title"), level.title)
    for key, one in case.file.knowledge_base.items():
        path = ("knowledge_base", key)
        for place, role in enumerate(one.audience):
            yield from check_role(case, (*path, "audience", place), role)
        if one.public:
            yield from _translations(case, (*path, "title"), one.title)


def _audiences(case: Case) -> Iterator[Finding]:
    """Report an audience that no group is (A55)."""
    for key, channel in case.file.channels.items():
        group = group_of(channel.audience)
        if not {group, channel.audience} & (UNDERSTOOD | case.roles):
            message = f'the audience "{channel.audience}" of {key} is no group'
            hint = f'Add "{group}" under groups.'
            path: Path = ("channels", key, "audience")
            yield case.at(Code.UNKNOWN_AUDIENCE, path, message, hint)


def _translations(case: Case, path: Path, text: Mapping[str, str]) -> Iterator[Finding]:
    if case.file.language.missing_translation is Missing.IGNORE:
        return
    missing = [one for one in case.file.plan.languages if one not in text]
    if missing:
        message = f"the public text is missing in: {', '.join(missing)}"
        hint = f"Write {{{', '.join(f'{one}: ...' for one in (*text, *missing))}}}."
        yield case.at(Code.MISSING_TRANSLATION, path, message, hint)
