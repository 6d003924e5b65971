"""``watchbill plan render`` and ``import``, and the page that a browser shows."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.plan.samples import MINIMAL
from tests.plan_document.samples import SEED, plan_file
from watchbill.commands.plan import command
from watchbill.plan import load
from watchbill.plan.document import Language, render_html, render_markdown


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(command, arguments)
    return found.exit_code, found.output


@pytest.mark.req("S0-05")
def test_render_writes_a_document_and_import_reads_it(tmp_path: Path) -> None:
    document, plan = tmp_path / "plan.md", tmp_path / "plan.yaml"

    assert run("render", "trm", "-o", str(document)) == (0, "")
    code, said = run("import", str(document), "-o", str(plan))

    assert code == 0
    assert "0 not placed; 0 values filled in" in said
    assert load(plan.read_bytes(), name="plan.yaml").errors == ()


@pytest.mark.req("S0-05", "S0-06")
def test_import_reports_lines_as_text_and_as_json(tmp_path: Path) -> None:
    document = tmp_path / "seed.md"
    document.write_text(SEED)

    text = run("import", str(document), "--report")[1]
    found = json.loads(run("import", str(document), "--json")[1])

    assert "seed.md:427: *This support plan is a living document" in text
    assert "[A10]" in text
    assert found["accounts"][0] == {
        "line": 1,
        "fate": "taken",
        "text": "# Post-Launch Support Plan",
        "remarks": [
            {
                "fate": "taken",
                "line": 1,
                "key": "plan.title",
                "reason": "",
                "decision": "",
            },
            {"fate": "taken", "line": 1, "key": "", "reason": "", "decision": ""},
        ],
    }


def test_import_without_an_output_prints_the_plan(tmp_path: Path) -> None:
    document = tmp_path / "seed.md"
    document.write_text(SEED)
    found = CliRunner().invoke(command, ["import", str(document)])

    assert plan_file(found.stdout).plan.title == "Post-Launch Support Plan"
    assert "lines taken" in found.stderr


def test_a_plan_with_errors_is_not_rendered(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("watchbill: 1\n")

    code, said = run("render", str(plan))

    assert code == 1
    assert 'the key "plan" is missing' in said


@pytest.mark.skipif(find_spec("weasyprint") is not None, reason="PDF is installed")
def test_pdf_without_the_extra_says_what_to_install() -> None:
    code, said = run("render", "trm", "--format", "pdf")

    assert code == 1
    assert "install watchbill[pdf]" in said


@pytest.mark.req("S0-05", "A50")
def test_the_page_stands_alone_and_names_its_language() -> None:
    code, page = run("render", "trm", "--format", "html", "--language", "my")

    assert code == 0
    assert page.startswith('<!doctype html>\n<html lang="my">')
    assert "<title>Post-Launch Support Plan</title>" in page
    assert '<li class="step">☐ Notify users 48 hours in advance</li>' in page
    for loads in ("<script", "<link", "<img", "url(", "@import"):
        assert loads not in page


@pytest.mark.req("S0-05")
def test_no_text_of_a_plan_becomes_markup() -> None:
    evil = '"<script>alert(1)</script> ![x](https://x.example/i.png) & <b>"'
    text = MINIMAL.replace("title: Support of a small shop", f"title: {evil}")
    text = text.replace("purpose: News", f"purpose: {evil}")
    page = render_html(render_markdown(load(text, name="x"), language=Language.ENGLISH))

    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.req("S2.2-06")
def test_the_contact_card_is_printed_for_an_instant_in_every_form() -> None:
    _, text = run("contacts", "trm", "--at", "2026-02-14 12:00")
    _, messages = run("contacts", "trm", "--format", "sms")
    _, page = run("contacts", "trm", "--format", "html")

    assert "DevOps on-call: on call now Backend Engineer / DevOps Engineer" in text
    assert messages.startswith("P1 1.0 1/")
    assert page.startswith("<!doctype html>")


@pytest.mark.req("S2.2-06")
def test_a_card_for_no_instant_is_refused_with_how_to_write_one() -> None:
    code, said = run("contacts", "trm", "--at", "tomorrow")

    assert code == 2
    assert "Write 2026-02-08 02:30." in said
