"""Documents that the tests read."""

from importlib import resources

from watchbill.plan import Loaded, load
from watchbill.plan.document import Imported, import_document
from watchbill.plan.document.render import plan_tree
from watchbill.plan.schema import PlanFile
from watchbill.plan.source import parse_source
from watchbill.plan.validate import validate

SEED = (resources.files("tests.plan_document") / "support-plan.md").read_text("utf-8")


def loaded(found: Imported) -> Loaded:
    """Return what the loader says of an imported plan."""
    return load(found.text, name="imported.yaml")


def plan_file(text: str) -> PlanFile:
    """Return the plan as it is written in a text."""
    document = parse_source(text).document
    assert document is not None
    file, faults = validate(document)
    assert file is not None, faults
    return file


def tree_of(text: str) -> dict[str, object]:
    """Return a plan's text as plain mappings, with the order of their entries."""
    document = parse_source(text).document
    assert document is not None
    return dict(plan_tree(document.plain()))


def imported(text: str) -> PlanFile:
    """Return the plan file of a document."""
    return plan_file(import_document(text).text)
