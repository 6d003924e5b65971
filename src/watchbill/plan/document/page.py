"""Page: the readable plan as one HTML file, and as PDF where that is installed.

The page carries its own style, loads nothing and prints well. It is made from the
Markdown, in which raw HTML is not allowed, so that no text of a plan becomes markup.
"""

import html
import importlib
from typing import Any

from markdown_it import MarkdownIt

from watchbill.plan.document.terms import Language

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, "Noto Sans Myanmar", "Myanmar Text", sans-serif;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3, h4 { line-height: 1.3; break-after: avoid; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { background: #8882; }
tr { break-inside: avoid; }
pre { padding: .8rem; background: #8882; overflow-x: auto; font-size: .85rem;
  white-space: pre-wrap; }
li.step { list-style: none; margin-left: -1.2rem; }
@media print { body { font-size: 10pt; max-width: none; margin: 0; }
  hr { visibility: hidden; } a { color: inherit; text-decoration: none; } }
""".strip()


class PdfUnavailableError(RuntimeError):
    """PDF cannot be made here; the message says what to install."""


def render_html(markdown: str, *, language: Language = Language.ENGLISH) -> str:
    """Return the readable plan as one HTML page that needs nothing else."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = parser.render(markdown)
    body = body.replace("<li>[ ] ", '<li class="step">☐ ')
    first = markdown.split("\n", 1)[0].removeprefix("# ")
    title = html.escape(first.replace("\\", ""))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def render_pdf(page: str) -> bytes:
    """Return an HTML page as PDF; PdfUnavailableError without ``watchbill[pdf]``."""
    try:
        library: Any = importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:
        # OSError: the package is there, and the libraries it draws with are not.
        message = (
            "PDF needs WeasyPrint: install watchbill[pdf], or print the HTML page"
            f" to PDF in a browser ({error})"
        )
        raise PdfUnavailableError(message) from error
    pdf: bytes = library.HTML(string=page, url_fetcher=_refuse).write_pdf()
    return pdf


def _refuse(address: str) -> dict[str, object]:
    message = f"a plan loads nothing from elsewhere: {address}"
    raise ValueError(message)
