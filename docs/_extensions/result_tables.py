"""Directives that show measured results as the committed scripts report them.

``report`` runs a script of the repository that prints Markdown (headings, paragraphs, tables and
pictures) from recorded results, shows the command, and turns what it prints into real ones;
``recorded-figure`` shows a picture that a script drew. Where nothing is on record yet, both say so.
"""

import os
import re
import subprocess
import sys
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"[-−+*]*(\d|–$)")
PICTURE = re.compile(r"!\[(?P<alt>.*)\]\((?P<path>.+)\)")


class Report(SphinxDirective):
    """Show what ``python SCRIPT ARGUMENTS`` prints.

    The script is not run if there are no records: files named after it in the folder ``results``
    beside it, or what the option ``records`` says, a pattern below that folder. With the option
    ``section`` only what stands under the heading of that name is shown.
    """

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = dict.fromkeys(("made-by", "records", "section"), directives.unchanged)

    def run(self):
        """Run the script and lay out its output."""
        script, *arguments = self.arguments[0].split()
        commands = self.options.get("made-by", "").splitlines()
        shown = "\n".join([*commands, f"python {self.arguments[0]}"])
        block = nodes.literal_block(shown, shown, language="bash")
        self.env.note_dependency(str(ROOT / script))
        records = self._records(ROOT / script)
        for record in records:
            self.env.note_dependency(str(record))
        if not (ROOT / script).exists() or not records:
            return [block, _nothing_yet()]
        lines = [line.strip() for line in self._output(script, *arguments).splitlines()]
        if "section" in self.options:
            lines = self._section(lines)
        return [block, *(self._layout(lines) or [_nothing_yet()])]

    def _records(self, script):
        """List the files that hold the results."""
        pattern = self.options.get("records", f"{script.stem}.json*")
        return sorted((script.parent / "results").glob(pattern))

    def _output(self, *command):
        """Get what a script prints."""
        finished = _run(*command)
        if finished.returncode:
            raise self.error(f"{command[0]} failed:\n{finished.stderr}")
        return finished.stdout

    def _section(self, lines):
        """Cut out what stands under a heading."""
        headings = [place for place, line in enumerate(lines) if line.startswith("#")]
        for start, end in pairwise([*headings, len(lines)]):
            if lines[start].lstrip("# ") == self.options["section"]:
                return lines[start + 1 : end]
        raise self.error(f"{self.arguments[0]} prints no section {self.options['section']!r}.")

    def _layout(self, lines):
        """Turn blocks of Markdown into nodes."""
        made = []
        for kind, block in groupby(lines, _kind):
            block = list(block)
            if kind == "table":
                made += _table(block)
            elif kind == "text":
                made.append(nodes.paragraph("", "", *_inline(" ".join(block))))
            elif kind == "heading":
                made += [nodes.rubric("", "", *_inline(line.lstrip("# "))) for line in block]
            elif kind == "picture":
                made += [self._picture(line) for line in block]
        return made if any(isinstance(node, nodes.table | nodes.image) for node in made) else []

    def _picture(self, line):
        """Make an image, or the note that it is not there."""
        match = PICTURE.fullmatch(line)
        return _image(self, ROOT / match["path"], match["alt"])


class RecordedFigure(SphinxDirective):
    """Show a picture of the repository, given by its path from the root, if it is there."""

    required_arguments = 1
    has_content = False
    option_spec = {"alt": directives.unchanged_required}

    def run(self):
        """Make the image, or the note."""
        path = ROOT / self.arguments[0]
        return [_image(self, path, self.options.get("alt", path.stem))]


@cache
def _run(*command):
    """Run a script from the repository's root, once per build."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )


def _image(directive, path, alt):
    """Make an image of a file, or the note that it is not there."""
    directive.env.note_dependency(str(path))
    if not path.exists():
        return _nothing_yet()
    folder = Path(directive.env.doc2path(directive.env.docname)).parent
    return nodes.image(uri=os.path.relpath(path, folder), alt=alt)


def _nothing_yet():
    """Make the note that stands in for results not yet on record."""
    return nodes.note("", nodes.paragraph(text="Nothing is on record yet: run the command."))


def _kind(line):
    """Tell what a line of Markdown belongs to."""
    if not line:
        return "gap"
    if line.startswith("|"):
        return "table"
    if line.startswith("#"):
        return "heading"
    return "picture" if PICTURE.fullmatch(line) else "text"


def _inline(text):
    """Turn text between backticks into code, and text between double asterisks into bold."""
    made = []
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text):
        if part.startswith("`") and len(part) > 1:
            made.append(nodes.literal(text=part[1:-1]))
        elif part.startswith("**") and len(part) > 4:
            made.append(nodes.strong(text=part[2:-2]))
        elif part:
            made.append(nodes.Text(part))
    return made


def _table(lines):
    """Build a table; one without rows is nothing."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if len(rows) < 3:
        return []
    header, body = rows[0], rows[2:]
    group = nodes.tgroup(cols=len(header))
    group.extend(nodes.colspec(colwidth=1) for _ in header)
    group.append(nodes.thead("", _row(header)))
    group.append(nodes.tbody("", *(_row(row) for row in body)))
    return [nodes.table("", group, classes=["numbers"])]


def _row(cells):
    """Build a row."""
    return nodes.row("", *map(_cell, cells))


def _cell(text):
    """Build a cell, which knows whether it is a number, or the place of one."""
    classes = ["number"] if NUMBER.match(text) else []
    return nodes.entry("", nodes.paragraph("", "", *_inline(text)), classes=classes)


def setup(app):
    """Register the directives."""
    app.add_directive("report", Report)
    app.add_directive("recorded-figure", RecordedFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
