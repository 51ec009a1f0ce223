"""Configuration of the documentation."""

import sys
from pathlib import Path

import sklearn_bp

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "_extensions"))

project = "sklearn_bp"
author = "The sklearn_bp developers"
copyright = author
version = release = sklearn_bp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "result_tables",
    "source_code",
]
exclude_patterns = ["_build", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
default_role = "literal"

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"sklearn_bp {version}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
}

autosummary_generate = True
autodoc_typehints = "none"
# What scikit-learn's mixins add is documented there, with links that only its own site can follow.
INHERITED = (
    "get_metadata_routing get_params score set_callbacks set_fit_request set_params "
    "set_partial_fit_request set_score_request"
)
autodoc_default_options = {
    "members": True,
    "inherited-members": True,
    "exclude-members": ", ".join(INHERITED.split()),
}

numpydoc_show_class_members = False
numpydoc_validation_checks = {
    "all",
    "ES01",  # An extended summary is for what a summary cannot hold.
    "EX01",  # Methods have their examples with the class,
    "SA01",  # and their related functions.
    "GL02",  # The linter sees where quotes close; here docstrings are already assembled.
    "RT02",  # "self : estimator" is scikit-learn's custom.
}

# Errors are made by the package; how is nobody else's business.
numpydoc_validation_exclude = {r"\.\w+Error$"}

doctest_global_setup = "import matplotlib; matplotlib.use('Agg')"
trim_doctest_flags = True

sphinx_gallery_conf = {
    "examples_dirs": [str(DOCS.parent / "examples")],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"/plot_",
    "nested_sections": False,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_bp",),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1,
    # "sphinx-build -t no_gallery" leaves the examples unrun, for testing snippets and drafting.
    "plot_gallery": not tags.has("no_gallery"),  # noqa: F821
    "parallel": 2,
    "download_all_examples": False,
    "show_signature": False,
}
