"""Values change at their place, and nothing else in the text does."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.samples import TRM
from watchbill.plan import load
from watchbill.plan.edit import CannotEditError, path_of, reordered, replace, value_at
from watchbill.plan.source import Listing, Node, Path, Scalar, Table, parse_source
from watchbill.plan.writing import Value

SMALL = """\
# why
plan:
  title: A plan    # the title
  version: "1.0"
  owner: 'it''s us'
  note: |
    two
    lines
  empty:
hours: {from: "09:00", to: "18:00"}   # decision A20
closed:
  - 2026-02-12   # Union Day
  - 2026-03-02   # Peasants' Day
  - 2026-03-27
members: [a, b]
none: []
last: end"""


def paths_of(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    match node:
        case Scalar():
            yield path, node
        case Listing(items=items):
            for number, item in enumerate(items):
                yield from paths_of(item, (*path, number))
        case Table(entries=entries):
            for key, (_, value) in entries.items():
                yield from paths_of(value, (*path, key))


def scalars(text: str) -> list[tuple[Path, Scalar]]:
    document = parse_source(text).document
    assert document is not None
    return list(paths_of(document.root))


TRM_SCALARS = [path for path, one in scalars(TRM) if not one.is_nothing]


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("plan", "title"), "Another", "title: A plan ", "title: Another "),
        (("plan", "version"), "1.1", '"1.0"', '"1.1"'),
        (("plan", "owner"), "it's me", "'it''s us'", "'it''s me'"),
        (("plan", "title"), "x: y", "A plan ", '"x: y" '),
        (("plan", "title"), "# x", "A plan ", '"# x" '),
        (("plan", "title"), "a, b [c]", "A plan ", "a, b [c] "),
        (("members", 0), "a, b", "[a, b]", '["a, b", b]'),
        (("plan", "title"), "null", "A plan ", '"null" '),
        (("plan", "title"), 'say "hi"\\n', "A plan ", 'say "hi"\\n '),
        (("plan", "title"), "၁၂", "A plan ", "၁၂ "),
        (("plan", "note"), "one", "|\n    two\n    lines", "one"),
        (("plan", "empty"), "full", "empty:", "empty: full"),
        (("hours", "to"), "17:30", '"18:00"', '"17:30"'),
        (("hours", "days"), "mon-fri", '"18:00"}', '"18:00", days: mon-fri}'),
        (("members",), ["b", "c", "d"], "[a, b]", "[b, c, d]"),
        (("members", 1), "z", "[a, b]", "[a, z]"),
        (("none",), ["x"], "[]", "[x]"),
        (("last",), ["x", "y"], "end", "[x, y]"),
        (("plan", "new"), "x", "  empty:\n", "  empty:\n  new: x\n"),
        (("more",), "x", "last: end", "last: end\nmore: x\n"),
        (
            ("closed",),
            ["2026-02-12", "2026-03-27", "2026-05-01"],
            "  - 2026-03-02   # Peasants' Day\n  - 2026-03-27\n",
            "  - 2026-03-27\n  - 2026-05-01\n",
        ),
        (
            ("closed",),
            ["2026-01-04", "2026-02-12", "2026-03-02", "2026-03-27"],
            "closed:\n",
            "closed:\n  - 2026-01-04\n",
        ),
    ],
)
def test_only_the_value_changes(
    path: Path, value: str | list[str], old: str, new: str
) -> None:
    assert SMALL.count(old) == 1

    changed = replace(SMALL, {path: value})

    assert changed == SMALL.replace(old, new)
    assert value_at(changed, path) == value


def test_values_replaced_by_themselves_leave_the_text_as_it_is() -> None:
    same = {path: one.text for path, one in scalars(TRM) if not one.is_nothing}

    assert replace(TRM, same) == TRM
    assert len(same) > 300


def test_values_changed_and_changed_back_leave_the_text_as_it_was() -> None:
    old = {path: one.text for path, one in scalars(TRM) if path in TRM_SCALARS[::7]}
    new = {path: f"{text}x" for path, text in old.items()}

    changed = replace(TRM, new)

    assert changed.count("\n") == TRM.count("\n")
    assert replace(changed, old) == TRM


@settings(deadline=None)
@given(
    path=st.sampled_from(TRM_SCALARS),
    value=st.text(st.characters(codec="utf-8"), min_size=0, max_size=30),
)
def test_whatever_is_written_stands_there_alone_or_is_refused(
    path: Path, value: str
) -> None:
    try:
        changed = replace(TRM, {path: value})
    except CannotEditError:
        # Only what no plan can hold is refused.
        assert parse_source(f'"{value}"').findings
        return

    after = dict(scalars(changed))
    assert after[path].text == value
    assert {other: one.text for other, one in after.items() if other != path} == {
        other: one.text for other, one in scalars(TRM) if other != path
    }
    start = TRM.splitlines(keepends=True)[: after[path].span.line - 1]
    assert changed.startswith("".join(start))


@settings(deadline=None)
@given(
    values=st.lists(
        st.dates().map(lambda day: day.isoformat()), min_size=1, max_size=12
    )
)
def test_a_list_keeps_the_comments_of_the_entries_that_stay(values: list[str]) -> None:
    mixed = ["2026-02-12", *values, "2026-05-01"]

    changed = replace(TRM, {("business_hours", "closed"): mixed})

    assert value_at(changed, ("business_hours", "closed")) == mixed
    assert "- 2026-02-12                # Union Day\n" in changed
    assert "- 2026-05-01                # Labour Day\n" in changed


def test_several_values_change_at_once_and_the_plan_still_loads() -> None:
    changed = replace(
        TRM,
        {
            ("plan", "version"): "1.1",
            ("business_hours", "from"): "08:30",
            ("on_call", "primary-oncall", "members"): [
                "devops_engineer",
                "backend_engineer",
            ],
            ("aliases", "incident_commander"): "technical_lead",
        },
    )

    plan = load(changed, name="plan").plan
    assert plan is not None
    assert plan.meta.version == "1.1"
    assert plan.business_hours.starts.isoformat() == "08:30:00"
    assert plan.directory.aliases["incident_commander"] == "technical_lead"
    assert changed.count("\n") == TRM.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        (SMALL, ("nowhere", "at", "all"), "x"),
        (SMALL, ("plan",), "x"),
        (SMALL, ("closed",), []),
        (SMALL, (), "x"),
        (SMALL, ("members", 7), "x"),
        (SMALL, ("plan", "title"), "a\0b"),
        ("a: [", ("a",), "x"),
        ("a: 1\na: 2", ("a",), "x"),
        ("\0", ("a",), "x"),
        ("- - a\n  - b", (0,), "x"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(
    text: str, path: Path, value: str | list[str]
) -> None:
    with pytest.raises(CannotEditError):
        replace(text, {path: value})


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_a_text_keeps_its_line_breaks_and_its_mark(line_break: str) -> None:
    text = "\ufeff" + SMALL.replace("\n", line_break)

    changed = replace(text, {("closed",): ["2026-02-12"], ("plan", "new"): "x"})

    assert changed.startswith("\ufeff")
    assert "\n" not in changed.replace(line_break, "")
    assert value_at(changed, ("plan", "new")) == "x"


SHORT = "{title: Short, members: [ana], shadow: none}"
ROSTER = """\
contacts:
  # The first one.
  - {id: ana, level: L1, phone: "1"}   # new since May
  - id: ben
    level: L2

  # The last one.
  - {id: chi, level: L2}

on_call:
  # Why these two.
  main:
    title: Main    # shown
    members: [ana, ben]
    first_week: 2026-02-06
    shadow: next

  short: {title: Short, members: [ana], shadow: none}

# The rest.
last: end
"""


@pytest.mark.req("S2.1-12")
@pytest.mark.parametrize(
    ("names", "value", "old", "new"),
    [
        # A key of a contact that is found by its id, in either style.
        (
            ("contacts", "chi", "phone"),
            "2",
            "chi, level: L2}",
            "chi, level: L2, phone: 2}",
        ),
        (
            ("contacts", "ben", "phone"),
            "2",
            "    level: L2\n\n",
            "    level: L2\n    phone: 2\n\n",
        ),
        (("contacts", "ana", "phone"), None, ', phone: "1"}', "}"),
        (("contacts", "ben"), None, "  - id: ben\n    level: L2\n", ""),
        (
            ("contacts", "dao"),
            {"id": "dao", "languages": ["my", "en"]},
            "level: L2}\n\non_call",
            "level: L2}\n  - {id: dao, languages: [my, en]}\n\non_call",
        ),
        # A schedule comes, changes key by key, and goes.
        (("on_call", "short"), None, f"\n  short: {SHORT}\n", "\n"),
        (("on_call", "short", "shadow"), "next", "shadow: none", "shadow: next"),
        (
            ("on_call", "new"),
            {"title": "New", "layers": {"week": {"members": ["ana"]}}},
            "none}\n",
            "none}\n  new:\n    title: New\n"
            "    layers:\n      week: {members: [ana]}\n",
        ),
        (
            ("on_call", "main"),
            {"title": "Main", "members": ["ben", "ana"], "handover": "10:00"},
            "    members: [ana, ben]\n    first_week: 2026-02-06\n    shadow: next\n",
            "    members: [ben, ana]\n    handover: 10:00\n",
        ),
        # A word becomes a mapping, and back.
        (
            ("on_call", "main", "shadow"),
            {"members": ["chi"]},
            "shadow: next",
            "shadow: {members: [chi]}",
        ),
        (("on_call", "short"), "none", SHORT, "none"),
    ],
)
def test_entries_come_and_go_and_leave_everything_else_as_it_was(
    names: tuple[str, ...], value: Value, old: str, new: str
) -> None:
    assert ROSTER.count(old) == 1

    changed = replace(ROSTER, {path_of(ROSTER, names): value})

    assert changed == ROSTER.replace(old, new)


def test_several_entries_of_one_list_go_at_once() -> None:
    paths = {path_of(ROSTER, ("contacts", one)): None for one in ("ana", "chi")}

    changed = replace(ROSTER, {**paths, ("last",): "over"})

    document = parse_source(changed).document
    assert document is not None
    assert document.plain() == {
        "contacts": [{"id": "ben", "level": "L2"}],
        "on_call": {
            "main": {
                "title": "Main",
                "members": ["ana", "ben"],
                "first_week": "2026-02-06",
                "shadow": "next",
            },
            "short": {"title": "Short", "members": ["ana"], "shadow": "none"},
        },
        "last": "over",
    }


def test_what_is_not_there_can_be_taken_away_without_a_change() -> None:
    assert replace(ROSTER, {("on_call", "none_such"): None}) == ROSTER


def test_the_only_entry_and_one_that_shares_its_line_are_refused() -> None:
    only = "contacts:\n  - {id: ana}\n"
    shared = "contacts:\n  - id: ana\n    level: L1\n"

    with pytest.raises(CannotEditError, match="the only entry"):
        replace(only, {("contacts", 0): None})
    with pytest.raises(CannotEditError, match="shares its line"):
        replace(shared, {("contacts", 0, "id"): None})


@settings(max_examples=20, deadline=None)
@given(
    names=st.sampled_from(
        [("on_call", "x"), ("on_call", "primary-oncall"), ("groups", "devops")]
    ),
    value=st.one_of(
        st.none(),
        st.lists(st.sampled_from(["a", "b: c", "[", "é", "10:00"]), min_size=1),
        st.dictionaries(
            st.sampled_from(["title", "members", "layers", "odd key: #"]),
            st.one_of(
                st.text(max_size=8),
                st.lists(st.text(max_size=4), max_size=3),
                st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=3)),
            ),
            min_size=1,
        ),
    ),
)
def test_an_edit_says_what_was_asked_or_is_refused(
    names: tuple[str, ...], value: Value
) -> None:
    """Whatever is asked, the rest of the plan says what it said before."""
    path = path_of(TRM, names)
    try:
        changed = replace(TRM, {path: value})
    except CannotEditError:
        return

    before, after = (parse_source(one).document for one in (TRM, changed))
    assert before is not None
    assert after is not None
    for section, entries in before.plain().items():  # type: ignore[attr-defined]
        if section != names[0]:
            assert after.plain()[section] == entries  # type: ignore[index]


LAYERED = """\
on_call:
  web:
    layers:
      # The one that is always there.
      main: {members: [a, b]}   # by turns
      # Nights.
      night:
        members: [c]
        hours: night

      late: {members: [d]}
    shadow: {x: 1, y: 2, z: 3}
last: end
"""


def test_entries_change_places_with_the_comments_above_them() -> None:
    path = ("on_call", "web", "layers")
    changed = reordered(LAYERED, path, ["night", "main", "late"])
    assert changed == LAYERED.replace(
        """\
      # The one that is always there.
      main: {members: [a, b]}   # by turns
      # Nights.
      night:
        members: [c]
        hours: night
""",
        """\
      # Nights.
      night:
        members: [c]
        hours: night
      # The one that is always there.
      main: {members: [a, b]}   # by turns
""",
    )
    assert reordered(changed, path, ["main", "night", "late"]) == LAYERED


def test_entries_of_one_line_change_places() -> None:
    changed = reordered(LAYERED, ("on_call", "web", "shadow"), ["z", "x", "y"])
    assert changed == LAYERED.replace("{x: 1, y: 2, z: 3}", "{z: 3, x: 1, y: 2}")
    same = reordered(LAYERED, ("on_call", "web", "shadow"), ["x", "y", "z"])
    assert same == LAYERED


@pytest.mark.parametrize("keys", [["x", "y"], ["x", "y", "z", "z"], ["x", "y", "q"]])
def test_an_order_of_other_entries_is_refused(keys: list[str]) -> None:
    with pytest.raises(CannotEditError, match="does not hold"):
        reordered(LAYERED, ("on_call", "web", "shadow"), keys)


def test_a_last_entry_without_a_line_of_its_own_is_refused() -> None:
    with pytest.raises(CannotEditError, match="no line of its own"):
        reordered("a:\n  x: 1\n  y: 2", ("a",), ["y", "x"])
