"""The texts the tests of the plan begin with."""

from importlib import resources

from watchbill.plan import Code, Loaded, bundled_text, load

TRM = bundled_text("trm")
MINIMAL = (resources.files("tests.plan") / "minimal.yaml").read_text("utf-8")


def minimal(*changes: tuple[str, str]) -> Loaded:
    """Return what becomes of the smallest plan after replacing parts of its text."""
    text = MINIMAL
    for old, new in changes:
        assert old in text, f"the smallest plan has no {old!r}"
        text = text.replace(old, new, 1)
    return load(text, name="minimal.yaml")


def codes(loaded: Loaded) -> set[Code]:
    """Return the codes of everything found."""
    return {one.code for one in loaded.findings}
