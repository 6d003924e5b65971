"""Parts: headings, tables and lists of the readable plan, and how roles are named."""

from collections.abc import Iterable, Sequence

from watchbill.plan.document import spelling
from watchbill.plan.document.blocks import escape, escape_line
from watchbill.plan.document.draft import Tree
from watchbill.plan.document.terms import Language, say

Path = tuple[str, ...]

TOOLS = (
    ("Component", "title"),
    ("Tool", "tool"),
    ("Purpose", "purpose"),
    ("Dashboard URL", "dashboard"),
)
METRICS = (
    ("Metric", "title"),
    ("Warning Threshold", "warning"),
    ("Critical Threshold", "critical"),
    ("Alert Channel", "channel"),
)
ROUTES = (
    ("Alert Type", "title"),
    ("Primary", "primary"),
    ("Secondary", "secondary"),
    ("Escalation", "escalation"),
)
CHANGES = (
    ("Change Type", "title"),
    ("Approval Required", "approvals"),
    ("Testing Required", "testing"),
    ("Window", "window"),
)


class Parts:
    """What the chapters are made of."""

    def __init__(self, tree: Tree, language: Language, ids: frozenset[Path]) -> None:
        self.tree = tree
        self.language = language
        self.ids = ids
        self.out: list[str] = []
        #: How the titles of the contacts spell a word: "devops" as "DevOps".
        self.spellings = {
            word.lower(): word
            for _, one in self._entries("contacts")
            for word in spelling.said(one.get("title")).split()
        }

    def _say(self, term: str) -> str:
        return say(term, self.language)

    def _chapter(self, number: int, title: str) -> None:
        self.out += ["", "---", "", f"## {number}. {self._say(title)}"]

    def _section(self, number: str, title: str) -> None:
        self.out += ["", f"### {number} {self._say(title)}", ""]

    def _sub(self, title: str) -> None:
        self.out += ["", f"#### {title}", ""]

    def _table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        names = [escape(self._say(one)) for one in columns]
        self.out.append(f"| {' | '.join(names)} |")
        self.out.append(f"|{'|'.join('-' * max(len(one), 3) for one in names)}|")
        for row in rows:
            cells = [escape(cell) if cell else "-" for cell in row]
            self.out.append(f"| {' | '.join(cells)} |")

    def _listing(self, texts: Iterable[str], mark: str = "-") -> None:
        self.out += [f"{mark} {escape_line(text)}" for text in texts]

    def _entries(self, *path: str) -> list[tuple[str, Tree]]:
        found = spelling.inside(self.tree, path)
        table = found if isinstance(found, dict) else {}
        return [(key, one) for key, one in table.items() if isinstance(one, dict)]

    def _text(self, *path: str) -> str:
        return spelling.said(spelling.inside(self.tree, path))

    def _rows(
        self,
        path: Path,
        columns: Sequence[tuple[str, str]],
        cells: Iterable[tuple[str, Sequence[str]]],
    ) -> None:
        """A table of entries, with their ids where the tables need them."""
        names = [name for name, _ in columns]
        rows = list(cells)
        if path in self.ids:
            self._table([*names, "Id"], [[*row, key] for key, row in rows])
        else:
            self._table(names, [row for _, row in rows])

    def _simple(self, path: Path, columns: Sequence[tuple[str, str]]) -> None:
        cells = [
            (key, [spelling.said(one.get(name)) for _, name in columns])
            for key, one in self._entries(*path)
        ]
        self._rows(path, columns, cells)

    def _role(self, role: str) -> str:
        """A role as the tables of a plan say it."""
        contacts = spelling.inside(self.tree, ("contacts",))
        entry = contacts.get(role) if isinstance(contacts, dict) else None
        if isinstance(entry, dict):
            title = spelling.said(entry.get("title"))
            shared = [
                one for _, one in self._entries("contacts") if one.get("title") == title
            ]
            return title if len(shared) == 1 else role
        if role in spelling.table(self.tree, "levels") or role != role.lower():
            return role
        words = role.split("_")
        return " ".join(self.spellings.get(word, word.capitalize()) for word in words)

    def _key_values(self, values: Sequence[tuple[str, str]]) -> None:
        lines = [f"**{self._say(name)}:** {escape(value)}" for name, value in values]
        self.out += [f"{line}  " for line in lines[:-1]] + lines[-1:]
