# Steps that .ci/run and .ci/stranger share. They work on a copy of the checkout, $work/checkout, so that
# the checkout stays as it is, in the environment that the README's first command makes there.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export NUMBA_CACHE_DIR="$work/numba"

announce() {
    echo "== $* ($SECONDS s)"
}

copy_checkout() {
    mkdir "$work/checkout"
    tar -C "$root" -cf - --exclude=./.git --exclude=./.venv --exclude=./docs/_build \
        --exclude=./docs/auto_examples --exclude=./docs/generated . | tar -C "$work/checkout" -xf -
}

# What the README says to do first, as it stands there: environment, installation, training.
run_first_command() {
    announce "the README's first command"
    (cd "$work/checkout" && bash -euo pipefail -c "$(python3 tests/readme.py first-command)")
    # shellcheck disable=SC1091
    source "$work/checkout/.venv/bin/activate"
}

install_extras() {
    announce "installing the extras $1"
    python -m pip install --quiet "$work/checkout[$1]"
}

# The guide's and the docstrings' snippets, then the site with its gallery. The threads of BLAS and of
# the kernels are left to the two processes that run examples.
build_docs() {
    cd "$work/checkout/docs"
    export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
    announce "documentation: snippets"
    sphinx-build -q -W --keep-going -t no_gallery -b doctest -d "$work/doctest-trees" . "$work/doctest"
    announce "documentation: site and gallery"
    sphinx-build -q -W --keep-going -b html -d "$work/html-trees" . "$work/html"
    announce "documentation built"
}
