"""Reader: from a readable support plan in Markdown to the text of a plan file.

What a table or list is, is seen from its own words and from the headings above it,
never from its place: other headings, other orders and missing sections are read as
well. People and severities are read first, because everything else speaks of them.

Nothing is dropped silently: each line that is not blank is in the report as taken,
guessed or not placed. Any text whatsoever gives a plan and a report; whether the
plan can be run is asked of :func:`watchbill.plan.load`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from watchbill.plan.document import (
    bugs,
    knowledge,
    operations,
    people,
    severity,
)
from watchbill.plan.document.blocks import (
    Code,
    Grid,
    Heading,
    Items,
    Outline,
    Prose,
    outline,
)
from watchbill.plan.document.defaults import Defaults
from watchbill.plan.document.draft import (
    Because,
    Draft,
    Fate,
    Path,
    Tree,
    Value,
    printable,
)
from watchbill.plan.document.ladders import Ladders
from watchbill.plan.document.names import Names
from watchbill.plan.document.order import in_order
from watchbill.plan.document.report import Report, make_report
from watchbill.plan.document.sections import Placed, placed
from watchbill.plan.document.settings import (
    INFO,
    Settings,
    applied,
    from_tree,
    keyed,
    listed,
)
from watchbill.plan.document.severity import Scale
from watchbill.plan.document.steps import read_steps
from watchbill.plan.document.tables import Known, known_table
from watchbill.plan.document.yamltext import write
from watchbill.plan.source import MAX_BYTES, parse_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A plan that was read from a document."""

    #: The text of a plan file.
    text: str
    report: Report
    #: The plan as plain mappings, lists and texts; contacts are a mapping by id.
    tree: Tree
    #: What was filled in or interpreted.
    guessed: frozenset[Path]


def import_document(text: str | bytes, *, name: str = "the document") -> Imported:
    """Return the plan of a readable document and the report; never raises."""
    decoded = text if isinstance(text, str) else text.decode("utf-8", "replace")
    is_large = len(decoded) > MAX_BYTES
    decoded = printable(decoded.removeprefix("\ufeff"))
    read = outline("" if is_large else decoded)
    session = _Session(read)
    draft = session.run()
    if is_large:
        draft.unplaced(1, f"the document is larger than {MAX_BYTES} characters")
        read = Outline(blocks=(), lines=("the whole document",))
    tree = draft.tree
    report = make_report(draft, read.lines)
    return Imported(
        text=_text(draft, tree, name, report),
        report=report,
        tree=tree,
        guessed=frozenset(draft.guessed),
    )


class _Session:
    """One reading."""

    def __init__(self, read: Outline) -> None:
        self.outline = read
        self.places = list(placed(read))
        self.draft = Draft()
        self.names = Names(self.draft)
        self.scale = Scale(self.draft, self.names)
        self.tables: list[tuple[Placed, Known]] = []
        self.settings: list[tuple[Code, Settings]] = []

    def run(self) -> Draft:
        people.read_titles(self.draft, self.places)
        self._find_tables()
        self._first_pass()
        for _, table in self.tables:
            if table.kind == "rota":
                people.read_rota(self.draft, self.names, table)
        defaults = Defaults(self.scale)
        defaults.before_ladders()
        self._second_pass()
        Ladders(self.scale).build()
        defaults.after_ladders()
        self._summary()
        self._layout()
        self.draft.tree = in_order(keyed(self.draft.tree))
        self._apply_settings()
        return self.draft

    def _find_tables(self) -> None:
        for place in self.places:
            if isinstance(place.block, Grid):
                known = known_table(place.block, place.trail)
                if known is not None:
                    self.tables.append((place, known))
            elif isinstance(place.block, Code) and place.block.info == INFO:
                self._read_settings(place.block)

    def _read_settings(self, block: Code) -> None:
        found = parse_source(block.text or "-")
        if found.document is None:
            self.draft.unplaced(block.line, "the settings cannot be read")
            return
        settings = from_tree(found.document.plain())
        self.settings.append((block, settings))
        for section in ("aliases", "groups"):
            names = settings.set_.get(section)
            if isinstance(names, dict):
                self.draft.tree[section] = dict(names)

    def _first_pass(self) -> None:
        for place in self.places:
            if not people.read_head(self.draft, place):
                severity.read_heading(self.scale, place)
                if severity.read_block(self.scale, place):
                    self._taken(place)
        for place, table in self.tables:
            if table.kind == "contacts":
                people.read_contacts(self.draft, table, place)
            elif table.kind == "severities":
                for row in table.rows:
                    severity.read_row(self.scale, row)

    def _second_pass(self) -> None:
        for place in self.places:
            is_read = self.scale.of_heading(place) is not None
            if not is_read and not isinstance(place.block, Heading | Grid):
                self._read_block(place)
        for place, table in self.tables:
            self._read_table(place, table)

    def _read_block(self, place: Placed) -> None:
        is_settings = isinstance(place.block, Code) and place.block.info == INFO
        readers: tuple[Callable[[Placed], bool], ...] = (
            lambda one: severity.read_tree(self.scale, one),
            lambda one: bugs.read_triage(self.scale, one),
            lambda one: bugs.read_hotfix(self.draft, one),
            lambda one: operations.read_checklist(self.draft, one),
            lambda one: operations.read_notice(self.draft, one),
            lambda one: people.read_rotation_text(self.draft, one),
            lambda one: knowledge.read_list(self.draft, one),
        )
        if is_settings or any(read(place) for read in readers):
            self._taken(place)

    def _taken(self, place: Placed) -> None:
        if place.label_line is not None:
            self.draft.note(place.label_line, ())
        if isinstance(place.block, Items):
            self._continuations(place.block)

    def _continuations(self, block: Items) -> None:
        """Lines that continue an item have the item's fate."""
        for item in block.items:
            if self.draft.fate_of(item.line) is not None:
                for number in range(item.line + 1, item.end + 1):
                    self.draft.note(number, ())

    def _read_table(self, place: Placed, table: Known) -> None:
        draft, names, scale = self.draft, self.names, self.scale
        readers: dict[str, Callable[[], None]] = {
            "steps": lambda: read_steps(scale, table, place),
            "matrix": lambda: severity.read_matrix(scale, table),
            "matrix_by_severity": lambda: severity.read_matrix(scale, table),
            "tools": lambda: operations.read_tools(draft, table),
            "metrics": lambda: operations.read_metrics(draft, table, place),
            "routes": lambda: operations.read_routes(draft, names, table),
            "windows": lambda: operations.read_windows(draft, table),
            "changes": lambda: operations.read_changes(draft, names, table),
            "bugs": lambda: bugs.read_bugs(scale, table),
            "channels": lambda: knowledge.read_channels(draft, table),
            "external": lambda: knowledge.read_external(draft, table),
            "statuspage": lambda: knowledge.read_statuspage(scale, table),
            "runbooks": lambda: knowledge.read_runbooks(draft, table),
            "reviews": lambda: knowledge.read_reviews(draft, names, table),
            "vendors": lambda: knowledge.read_vendor_table(draft, table),
            "signers": lambda: knowledge.read_signers(draft, names, table),
        }
        if table.kind in readers:
            readers[table.kind]()
        if table.strange:
            columns = ", ".join(f'"{one}"' for one in table.strange)
            draft.unplaced(table.line, f"no place for the column {columns}")

    def _layout(self) -> None:
        """Headings, rules and the frames of tables have the fate of what they frame."""
        for place, table in self.tables:
            del place
            if (
                any(self.draft.fate_of(row.line) for row in table.rows)
                or not table.rows
            ):
                self.draft.note(table.line, ())
                self.draft.note(table.line + 1, ())
        for place in self.places:
            block = place.block
            if isinstance(block, Code) and self._is_used(block.line, block.end):
                for number in (block.line, block.end):
                    self.draft.note(number, ())
        for number, text in enumerate(self.outline.lines, start=1):
            if re.fullmatch(r"\s*([-*_]\s*){3,}", text):
                self.draft.note(number, ())
        self._headings()

    def _is_used(self, first: int, last: int) -> bool:
        return any(self.draft.fate_of(number) for number in range(first, last + 1))

    def _summary(self) -> None:
        """A summary says nothing that the tables do not."""
        for place in self.places:
            if isinstance(place.block, Prose) and not any(
                self.draft.fate_of(line.number) for line in place.block.lines
            ):
                for line in place.block.lines:
                    if "as watchbill runs it" in line.text:
                        self.draft.note(line.number, ("plan",))
                    elif re.search(
                        r"summary|overview|introduct|purpose|scope|အကျဉ်း",
                        place.trail,
                        re.I,
                    ):
                        self.draft.unplaced(
                            line.number, "a plan has no place for a summary"
                        )

    def _headings(self) -> None:
        headings = [one.block for one in self.places if isinstance(one.block, Heading)]
        placed_ = (one for one in self.draft.remarks if one.fate is not Fate.UNPLACED)
        used = {one.line for one in placed_ if one.line and (one.key or one.reason)}
        for place, heading in enumerate(headings):
            ends = (
                one.line for one in headings[place + 1 :] if one.level <= heading.level
            )
            end = next(ends, len(self.outline.lines) + 1)
            if any(heading.line <= line < end for line in used):
                for number in range(heading.line, heading.end + 1):
                    self.draft.note(number, ())

    def _apply_settings(self) -> None:
        for block, settings in self.settings:
            self.draft.tree = in_order(applied(self.draft.tree, settings))
            for path in list(self.draft.guessed):
                self._unguess(path, settings.set_)
            for number in range(self._settings_start(block), block.end + 1):
                self.draft.note(number, ("settings",))

    def _settings_start(self, block: Code) -> int:
        """The line of the heading above the settings; its words explain the block."""
        above = [
            one.block.line for one in self.places if isinstance(one.block, Heading)
        ]
        return max((line for line in above if line < block.line), default=block.line)

    def _unguess(self, path: Path, set_: Tree) -> None:
        """What the settings say is no guess any more."""
        inner: Value = set_
        for step in path:
            if not isinstance(inner, dict) or str(step) not in inner:
                inner = None
                break
            inner = inner[str(step)]
        if inner is None and self.draft.get(path) is not None:
            return
        del self.draft.guessed[path]
        key = ".".join(str(step) for step in path)
        self.draft.remarks = [
            one for one in self.draft.remarks if one.line or one.key != key
        ]


def _text(draft: Draft, tree: Tree, name: str, report: Report) -> str:
    lines, guessed = draft.lines, draft.guessed
    inside: dict[Path, list[Path]] = {}
    for path in [*lines, *guessed]:
        for depth in range(1, len(path) + 1):
            inside.setdefault(path[:depth], []).append(path)

    def comment(path: Path) -> str:
        below = inside.get(path, [])
        numbers = sorted({lines[one] for one in below if one in lines})
        why = [guessed[one] for one in below if one in guessed]
        said = f"line {numbers[0]}" if numbers else ""
        return "; ".join(part for part in (said, _because(why)) if part)

    head = f"# Read from {name}: {report.summary()}.\n"
    head += "# Behind each entry: the line it was read from, or why it was guessed.\n\n"
    return printable(head) + write(listed(tree), comment)


def _because(why: list[Because]) -> str:
    if not why:
        return ""
    decisions = sorted({one.decision for one in why if one.decision})
    return f"guessed ({', '.join(decisions)})" if decisions else "guessed"
