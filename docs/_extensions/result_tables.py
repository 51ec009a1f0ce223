"""Directives that show measured results as the committed scripts report them.

``report`` runs a script of the repository that prints Markdown tables of recorded results, shows
the command, and turns its tables into real ones; ``recorded-figure`` shows a picture that a script
drew. Where nothing is on record yet, both say so.
"""

import os
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


class Report(SphinxDirective):
    """Show what ``python SCRIPT ARGUMENTS`` prints: Markdown tables, headings and paragraphs."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"made-by": directives.unchanged}

    def run(self):
        """Run the script and lay out its output."""
        script, *arguments = self.arguments[0].split()
        commands = [self.options["made-by"]] if "made-by" in self.options else []
        commands.append(f"python {self.arguments[0]}")
        shown = "\n".join(commands)
        block = nodes.literal_block(shown, shown, language="bash")
        self.env.note_dependency(str(ROOT / script))
        if not (ROOT / script).exists():
            return [block, _nothing_yet()]
        for record in (ROOT / script).parent.glob("results/*"):
            self.env.note_dependency(str(record))
        text = self._output(script, arguments)
        return [block, *(_layout(text.splitlines()) or [_nothing_yet()])]

    def _output(self, script, arguments):
        """Run the script from the repository's root."""
        finished = subprocess.run(
            [sys.executable, script, *arguments],
            cwd=ROOT,
            env={**os.environ, "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise self.error(f"{script} failed:\n{finished.stderr}")
        return finished.stdout


class RecordedFigure(Directive):
    """Show a picture of the repository, given by its path from the root, if it is there."""

    required_arguments = 1
    has_content = False
    option_spec = {"alt": directives.unchanged_required}

    def run(self):
        """Make the image, or the note."""
        path = ROOT / self.arguments[0]
        if not path.exists():
            return [_nothing_yet()]
        source = Path(
            self.state.document.settings.env.doc2path(self.state.document.settings.env.docname)
        )
        uri = os.path.relpath(path, source.parent)
        return [nodes.image(uri=uri, alt=self.options.get("alt", path.stem))]


def _nothing_yet():
    """Make the note that stands in for results not yet on record."""
    return nodes.note("", nodes.paragraph(text="Nothing is on record yet: run the command."))


def _layout(lines):
    """Turn Markdown lines into nodes; a table without rows is nothing."""
    made, rows = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if len(rows) > 2:
            made.append(_table(rows[0], rows[2:]))
        rows = []
        text = line.strip()
        if text.startswith("#"):
            made.append(nodes.rubric(text=text.lstrip("# ")))
        elif text:
            made.append(nodes.paragraph(text=text))
    return made if any(isinstance(node, nodes.table) for node in made) else []


def _table(header, rows):
    """Build a table."""
    group = nodes.tgroup(cols=len(header))
    group.extend(nodes.colspec(colwidth=1) for _ in header)
    group.append(nodes.thead("", _row(header)))
    group.append(nodes.tbody("", *(_row(row) for row in rows)))
    return nodes.table("", group, classes=["numbers"])


def _row(cells):
    """Build a row."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph(text=cell)) for cell in cells))


def setup(app):
    """Register the directives."""
    app.add_directive("report", Report)
    app.add_directive("recorded-figure", RecordedFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
