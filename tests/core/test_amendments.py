"""What changes in a plan without new signatures, and what does not."""

import pytest

from watchbill.core.amendments import amended_label, is_particular, needs_signatures


@pytest.mark.parametrize(
    ("key", "particular"),
    [
        (("contacts", "cto", "phone"), True),
        (("contacts", "cto", "languages"), True),
        (("contacts", "cto", "roles"), False),
        (("contacts", "cto", "level"), False),
        (("contacts", "cto", "title"), False),
        (("groups", "devops"), True),
        (("on_call", "primary-oncall", "layers", "night", "members"), True),
        (("on_call",), True),
        (("escalation", "P1", "15m-escalate", "after"), False),
        (("plan", "signers"), False),
    ],
)
def test_particulars_are_how_people_are_reached_and_whose_turn_it_is(
    key: tuple[str, ...],
    particular: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    assert is_particular(key) is particular


def test_everything_else_is_named_and_a_new_contact_by_the_id() -> None:
    changed = [
        ("on_call", "x", "members"),
        ("contacts", "new", "id"),
        ("severities", "P1", "response"),
    ]

    assert needs_signatures(changed, governing={}) == (
        "contacts.new",
        "severities.P1.response",
    )


def test_who_governs_the_plan_is_no_particular() -> None:
    same, other = {"cto": (["a"], ["a"])}, {"owners": (["a"], ["a", "b"])}

    assert needs_signatures([("groups", "owners")], governing=same) == ()
    assert needs_signatures([("groups", "owners")], governing=same | other) == (
        "who is owners",
    )


@pytest.mark.parametrize(
    ("label", "following"),
    [("1.0", "1.0+1"), ("1.0+1", "1.0+2"), ("a+b", "a+b+1"), ("1.0+9", "1.0+10")],
)
def test_amendments_are_counted_behind_the_name_of_the_rules(
    label: str, following: str
) -> None:
    assert amended_label(label) == following
