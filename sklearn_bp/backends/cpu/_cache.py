"""Compiled kernels on disk: read only if they are whole, ours, and of these very sources.

numba's own ``cache=True`` keys a compiled function by the file it stands in. Our kernels get their
scalar functions by closure from other files, so that key is blind to most of what they depend on
(numba issue 5128), and a file that is truncated, empty or somebody else's raises or crashes. Here
a file's name is a digest of every source file of the package and of what the kernel closes over,
and its content begins with its own digest. What cannot be read is compiled anew; where nothing can
be written, there is no cache.

This is the one file that uses private parts of numba: the attribute ``_cache`` of a dispatcher and
the methods that it calls, ``CompileResult._reduce`` and ``_rebuild``, and ``magic_tuple``, the
processor that code is compiled for. numba has no public way to give a function a cache of one's
own (numba issue 10486).
"""

import hashlib
import os
import pickle
import stat
import tempfile
from functools import cache
from pathlib import Path

import numba
from numba.core import config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

SUFFIX = ".kernel"
"""Of the files."""

DIGEST_SIZE = hashlib.sha256().digest_size


@cache
def package_digest():
    """Compute the digest of all Python sources of the package and of the version of numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    root = Path(__file__).resolve().parents[2]
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def closure_names(function):
    """Name what a function's closure holds: compiled functions by module and name, and theirs.

    Parameters
    ----------
    function : callable
        A Python function.

    Returns
    -------
    tuple
        Nested names and representations.
    """
    names = []
    for cell in function.__closure__ or ():
        part = getattr(cell.cell_contents, "py_func", None)
        if part is None:
            names.append(repr(cell.cell_contents))
        else:
            names.append((part.__module__, part.__qualname__, closure_names(part)))
    return tuple(names)


class KernelCache:
    """What numba asks for compiled code of one function, and gives it to.

    Parameters
    ----------
    function : callable
        The Python function.
    """

    def __init__(self, function):
        self._name = function.__module__, function.__qualname__, closure_names(function)

    @property
    def cache_path(self):
        """The folder; None without one."""
        return cache_folder()

    def load_overload(self, signature, target_context):
        """Read the code for some types of arguments.

        Parameters
        ----------
        signature : numba signature
            The types.
        target_context : numba context
            What rebuilds it.

        Returns
        -------
        CompileResult or None
            None if there is none that can be used.
        """
        target_context.refresh()
        content = _read(self._path(signature, target_context.codegen()))
        if content is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(content))
        except Exception:  # Whole and ours, but not for this numba: it is compiled anew.
            return None

    def save_overload(self, signature, result):
        """Write the code for some types of arguments, if that is possible.

        Parameters
        ----------
        signature : numba signature
            The types.
        result : CompileResult
            The code.
        """
        path = self._path(signature, result.codegen)
        if path is None or result.lifted or result.library.has_dynamic_globals:
            return
        _write(path, dumps(result._reduce()))

    def flush(self):
        """Forget nothing: files of other sources have other names."""

    def enable(self):
        """Do nothing: it is on."""

    def disable(self):
        """Do nothing: it stays on."""

    def _path(self, signature, codegen):
        """Name the file; None without a folder."""
        folder = cache_folder()
        if folder is None:
            return None
        key = repr((package_digest(), self._name, signature, codegen.magic_tuple()))
        stem = self._name[1].replace("<", "").replace(">", "")[-80:]
        return folder / f"{stem}-{hashlib.sha256(key.encode()).hexdigest()[:32]}{SUFFIX}"


def _read(path):
    """Read what a file holds after its digest; None if anything about it is wrong."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            content = file.read()
    except OSError:
        return None
    digest, content = content[:DIGEST_SIZE], content[DIGEST_SIZE:]
    return content if digest == hashlib.sha256(content).digest() else None


def _write(path, content):
    """Write a file with its digest in one move; leave nothing behind if that fails."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = file.name
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _is_ours(status):
    """Tell whether nobody else can have written a file or folder: what it holds is run."""
    if not hasattr(os, "getuid"):
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.getuid() and not status.st_mode & others


def _candidates():
    """List where the cache may be: where numba is told to, beside the sources, in the home."""
    if config.CACHE_DIR:
        return [Path(config.CACHE_DIR) / "sklearn_bp"]
    folders = [Path(__file__).parent / "__pycache__"]
    home = Path(os.path.expanduser("~"))
    base = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    # Without a home, "~" stays what it is.
    if home.is_absolute() and Path(base).is_absolute():
        folders.append(Path(base) / "sklearn_bp")
    return folders


def cache_folder():
    """Find the first folder that is ours and can be written.

    Returns
    -------
    Path or None
        None if there is none; kernels are then compiled in every process.
    """
    return _find_folder(tuple(_candidates()))


@cache
def _find_folder(candidates):
    """Find the first folder that is ours and can be written, making it if need be."""
    for folder in candidates:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(folder.stat()):
                tempfile.TemporaryFile(dir=folder).close()
                return folder
        except OSError:
            continue
    return None
