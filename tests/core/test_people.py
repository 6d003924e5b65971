"""Who answers to a role, and who can be reached."""

import pytest

from tests.core.cast import ANA, BEN, CHI, DAN, PEOPLE
from watchbill.core.people import Contact, Directory, UnknownRoleError, unique


@pytest.mark.req("S2.1-12")
def test_a_role_may_be_held_by_several_people_and_a_person_hold_several() -> None:
    eve = Contact(key="eve", roles=("lead", "devops"), level="L2", email="e@x.test")
    directory = Directory(contacts=(*PEOPLE, eve))

    assert directory.holders("devops") == (ANA, BEN, eve)
    assert directory.holders("lead") == (CHI, eve)
    assert directory.holders("eve") == (eve,)


@pytest.mark.req("A10")
def test_an_alias_leads_to_the_role_it_stands_for_over_several_stations() -> None:
    aliases = {"backend_lead": "technical_lead", "technical_lead": "lead"}
    directory = Directory(contacts=PEOPLE, aliases=aliases)

    assert directory.holders("backend_lead") == (CHI,)


@pytest.mark.req("S2.1-12")
def test_groups_in_groups_name_everybody_once_in_the_plans_order() -> None:
    groups = {"all": ("lead", "core", "devops"), "core": ("ben", "dba")}
    directory = Directory(contacts=PEOPLE, groups=groups)

    assert directory.holders("all") == (CHI, BEN, DAN, ANA)


def test_a_group_may_be_named_twice_on_different_ways() -> None:
    groups = {"top": ("left", "right"), "left": ("base",), "right": ("base",)}
    directory = Directory(contacts=PEOPLE, groups={**groups, "base": ("ana",)})

    assert directory.holders("top") == (ANA,)


@pytest.mark.parametrize(
    "directory",
    [
        Directory(contacts=PEOPLE, aliases={"a": "a"}),
        Directory(contacts=PEOPLE, aliases={"a": "b", "b": "c", "c": "a"}),
        Directory(contacts=PEOPLE, groups={"a": ("ana", "b"), "b": ("a",)}),
        Directory(contacts=PEOPLE, groups={"a": ("b",)}, aliases={"b": "a"}),
    ],
)
def test_a_role_defined_by_itself_is_unknown_and_does_not_loop(
    directory: Directory,
) -> None:
    assert not directory.knows("a")
    with pytest.raises(UnknownRoleError, match="'a' is defined by itself"):
        directory.holders("a")


def test_an_unknown_role_is_named_in_the_error() -> None:
    directory = Directory(contacts=PEOPLE, aliases={"a": "ceo"}, groups={"g": ("a",)})

    with pytest.raises(UnknownRoleError, match="answers to the role 'ceo'"):
        directory.holders("g")
    assert directory.contact("ceo") is None


@pytest.mark.req("S2.1-09", "S2.1-10")
def test_the_expert_of_the_category_answers_else_the_default_one() -> None:
    eve = Contact(
        key="eve", roles=("sec",), level="L3", expertise=frozenset({"security"})
    )
    directory = Directory(contacts=(*PEOPLE, eve), default_expert="dan")

    assert directory.experts("L3", "security") == (eve,)
    assert directory.experts("L3", "payments") == (DAN,)
    assert directory.experts("L3", None) == (DAN,)
    assert directory.experts("L2", "payments") == ()
    assert Directory(contacts=(eve,)).experts("L3", "payments") == ()


@pytest.mark.req("S2.1-14")
def test_a_placeholder_is_kept_and_its_filled_methods_reach_it() -> None:
    unnamed = Contact(key="cto", roles=("cto",), level="L4", title="CTO", email="c@x.t")
    empty = Contact(key="ceo", roles=("ceo",), level="L4")

    assert unnamed.is_placeholder
    assert unnamed.is_reachable
    assert unnamed.label == "CTO"
    assert not empty.is_reachable
    assert empty.label == "ceo"
    assert ANA.label == "Ana"


def test_each_contact_is_named_once_in_the_order_of_first_mention() -> None:
    assert unique([BEN, ANA, BEN, CHI, ANA]) == (BEN, ANA, CHI)
