"""The sources keep the house rules, and each rule is seen to catch what it is for."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture import house_rules
from tests.plugins.plan_index import ROOT

SOURCES = ROOT / "src" / "watchbill"
MIGRATIONS = SOURCES / "server" / "migrations"
LONGEST_MODULE = 500

Rule = Callable[[str], Iterator[house_rules.Offence]]


def offences(pattern: str, rule: Rule) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}: {offence}"
        for path in sorted(SOURCES.glob(pattern))
        for line, offence in rule(path.read_text("utf-8"))
    ]


def migrations() -> list[Path]:
    return sorted(MIGRATIONS.glob("[0-9]*.py"))


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        path: len(path.read_text("utf-8").splitlines())
        for path in SOURCES.rglob("*.py")
        if MIGRATIONS not in path.parents
    }

    assert {p: n for p, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_who_catches_everything_says_why() -> None:
    assert offences("**/*.py", house_rules.broad_excepts_without_reason) == []


def test_actions_save_only_the_fields_they_change() -> None:
    assert offences("server/**/actions*.py", house_rules.whole_row_saves) == []
    assert offences("server/**/actions/*.py", house_rules.whole_row_saves) == []


def test_types_are_shown_to_msgspec_while_modules_are_imported() -> None:
    found = offences("**/*.py", house_rules.kinds_met_late)

    assert [one for one in found if "server/stored.py" not in one] == []
    assert len(found) == 1


def test_markup_is_built_by_escaping_functions() -> None:
    assert offences("**/*.py", house_rules.trusted_markup) == []


def test_templates_hold_no_inline_code_and_trust_no_text() -> None:
    assert offences("**/templates/**/*.html", house_rules.template_offences) == []


def test_every_public_class_of_the_core_is_in_the_glossary() -> None:
    words = set(re.findall(r"\b[A-Z]\w+", (ROOT / "GLOSSARY.md").read_text("utf-8")))
    classes = {
        name: str(path.relative_to(ROOT))
        for path in sorted((SOURCES / "core").rglob("*.py"))
        for name in house_rules.public_classes(path.read_text("utf-8"))
    }

    assert {name: path for name, path in classes.items() if name not in words} == {}


def test_migrations_are_named_for_what_they_do() -> None:
    assert [path.name for path in migrations() if "_auto" in path.stem] == []


def test_each_migration_follows_exactly_the_one_before() -> None:
    stems = [path.stem for path in migrations()]
    found = {
        path.stem: house_rules.migration_dependencies(path.read_text("utf-8"))
        for path in migrations()
    }

    assert found == {
        stem: [before] if before else []
        for before, stem in zip(["", *stems], stems, strict=False)
    }
    assert [int(stem[:4]) for stem in stems] == list(range(1, len(stems) + 1))


@pytest.mark.parametrize(
    ("rule", "source", "line"),
    [
        (
            house_rules.broad_excepts_without_reason,
            "try: f()\nexcept Exception:  # noqa: BLE001\n    pass",
            2,
        ),
        (
            house_rules.broad_excepts_without_reason,
            "try: f()\nexcept (OSError, BaseException):\n    pass",
            2,
        ),
        (house_rules.whole_row_saves, "incident.save()", 1),
        (house_rules.trusted_markup, "x = utils.mark_safe(name)", 1),
        (house_rules.template_offences, "<p>\n{{ note|safe }}", 2),
        (house_rules.template_offences, "{% autoescape off %}", 1),
        (house_rules.template_offences, '<p\n class="a" style="color:red">', 1),
        (house_rules.template_offences, '<a href="x" onclick="go()">', 1),
        (house_rules.template_offences, '<a hx-on:click="go()">', 1),
        (house_rules.template_offences, "\n<script>go()</script>", 2),
        (house_rules.template_offences, "<style>p {}</style>", 1),
        (house_rules.template_offences, '<a href="javascript:go()">', 1),
    ],
)
def test_an_offence_is_found_on_its_line(rule: Rule, source: str, line: int) -> None:
    assert [found for found, _ in rule(source)] == [line]


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (
            house_rules.broad_excepts_without_reason,
            "try: f()\nexcept Exception:  # one bad row must not stop the rest\n  x",
        ),
        (house_rules.broad_excepts_without_reason, "try: f()\nexcept OSError:\n    x"),
        (house_rules.whole_row_saves, 'incident.save(update_fields=["state"])'),
        (
            house_rules.template_offences,
            '<script src="{% static "a>b.js" %}" defer></script>',
        ),
        (
            house_rules.template_offences,
            '<a data-on="1" {% if on == 1 %}hidden{% endif %}>',
        ),
        (house_rules.template_offences, "a < b, on = 1, style = plain"),
    ],
)
def test_what_is_allowed_is_not_an_offence(rule: Rule, source: str) -> None:
    assert list(rule(source)) == []


def test_dependencies_on_other_apps_do_not_count_as_history() -> None:
    source = """
class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("contenttypes", "0002_remove_content_type_name"),
        ("watchbill", "0006_people"),
    ]
"""

    assert house_rules.migration_dependencies(source) == ["0006_people"]
