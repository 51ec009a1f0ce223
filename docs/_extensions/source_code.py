"""Directive that shows a function of the package as it stands in its file.

``.. source:: sklearn_bp.engine.sweep.preactivation_moments`` shows the function without its
docstring (the text around it says what it does), with the numbers of its lines and the name of its
file. Functions within functions are named the same way, ``module.outer.inner``; ``:docstring:``
keeps the docstring. A name that is not there fails the build.
"""

import ast
import textwrap
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


class Source(SphinxDirective):
    """Show the source of a function, method or class."""

    required_arguments = 1
    option_spec = {"docstring": directives.flag}

    def run(self):
        """Find the definition and lay out its lines."""
        path, names = _find_file(self.arguments[0])
        if path is None:
            raise self.error(f"There is no module that holds {self.arguments[0]}.")
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        node = _find_definition(ast.parse(text), names)
        if node is None:
            raise self.error(f"{path.relative_to(ROOT)} does not define {'.'.join(names)}.")
        return [self._show(path, node, text.splitlines())]

    def _show(self, path, node, lines):
        """Make a block of code with a caption that says where it is from."""
        first, last = _first_line(node), node.end_lineno
        kept = list(range(first, last + 1))
        if "docstring" not in self.options:
            hidden = _docstring_lines(node)
            kept = [number for number in kept if number not in hidden]
        code = textwrap.dedent("\n".join(lines[number - 1] for number in kept))
        block = nodes.literal_block(code, code, language="python")
        caption = f"{path.relative_to(ROOT).as_posix()}, lines {first} to {last}"
        container = nodes.container("", classes=["literal-block-wrapper"], literal_block=True)
        container += nodes.caption(caption, caption)
        container += block
        return container


def _find_file(name):
    """Split a dotted name into the file of its module and the names within."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        folder = ROOT.joinpath(*parts[:length])
        for path in (folder.with_suffix(".py"), folder / "__init__.py"):
            if path.is_file():
                return path, parts[length:]
    return None, parts


def _find_definition(node, names):
    """Descend to a function or class."""
    for name in names:
        found = [
            child
            for child in ast.walk(node)
            if isinstance(child, ast.FunctionDef | ast.ClassDef)
            and child.name == name
            and child is not node
        ]
        if not found:
            return None
        node = found[0]
    return node


def _first_line(node):
    """Count from the first decorator on."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _docstring_lines(node):
    """List the lines of the docstrings of a definition and of those within it."""
    hidden = set()
    for child in ast.walk(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(child):
            docstring = child.body[0]
            # A definition that is nothing but its docstring keeps it.
            if len(child.body) > 1:
                hidden.update(range(docstring.lineno, docstring.end_lineno + 1))
    return hidden


def setup(app):
    """Register the directive."""
    app.add_directive("source", Source)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
