"""The plan as a document that people read, and back (S0-05).

``render_markdown`` writes the readable plan with all its tables, ``render_html`` and
``render_pdf`` turn it into a page; ``import_document`` reads such a document, or one
that was never a plan file, and reports what it took, guessed and could not place.
Plan, document, plan gives the same plan.
"""

from watchbill.plan.document.draft import Fate, Remark
from watchbill.plan.document.page import (
    PdfUnavailableError,
    render_html,
    render_pdf,
)
from watchbill.plan.document.reader import Imported, import_document
from watchbill.plan.document.render import render_markdown
from watchbill.plan.document.report import Account, Report
from watchbill.plan.document.terms import Language

__all__ = [
    "Account",
    "Fate",
    "Imported",
    "Language",
    "PdfUnavailableError",
    "Remark",
    "Report",
    "import_document",
    "render_html",
    "render_markdown",
    "render_pdf",
]
