"""Compiled kernels on disk: what is damaged, foreign or of other sources is compiled anew."""

import os
import stat
import subprocess
import sys

import pytest

from sklearn_bp.backends.cpu import _cache

from .test_compile import COLD, PROGRAM, WARM, Package, result

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners are POSIX's")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A copy of the package that has compiled some kernels."""
    package = Package(tmp_path_factory.mktemp("package"))
    assert result(package.start()) == COLD
    return package


@pytest.fixture
def package(compiled):
    """The same, with a cache that serves; what a test damages is written again."""
    assert result(compiled.start()).keys() == WARM.keys()
    assert result(compiled.start()) == WARM
    return compiled


def files_of(package):
    files = sorted((package.folder / "cache" / "sklearn_bp").glob(f"*{_cache.SUFFIX}"))
    assert len(files) >= 3
    return files


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncate,
    "a byte wrong": flip_a_byte,
    "a text": lambda path: path.write_text("no kernel\n" * 100),
    "others may write": lambda path: path.chmod(0o666),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_cannot_be_trusted_is_compiled_anew_and_replaced(name, package):
    for path in files_of(package):
        DAMAGES[name](path)
    assert result(package.start()) == COLD
    assert result(package.start()) == WARM
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files_of(package))


def test_a_file_that_cannot_be_replaced_does_no_harm(package):
    for path in files_of(package):
        replace_by_folder(path)
    for _ in range(2):
        assert result(package.start()) == COLD
    for path in files_of(package):
        path.rmdir()
    assert not list((package.folder / "cache" / "sklearn_bp").glob("tmp*"))


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives away")
def test_files_of_another_user_are_not_run(package):
    for path in files_of(package):
        os.chown(path, 65534, 65534)
    assert result(package.start()) == COLD


def test_a_folder_that_others_may_write_is_not_used(package):
    folder = package.folder / "cache" / "sklearn_bp"
    folder.chmod(0o777)
    try:
        assert result(package.start()) == COLD
    finally:
        folder.chmod(0o700)


def run(package, **environment):
    """Run the program without what says where a cache may be."""
    given = {name: value for name, value in package.environment.items()}
    for name in ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME"):
        given.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=given | environment,
        cwd=package.folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    return result(process)


def test_without_a_place_to_write_there_is_no_cache(compiled, tmp_path):
    """A file stands wherever a folder could be; root may write what is read-only."""
    source = compiled.folder / "sklearn_bp" / "backends" / "cpu" / "__pycache__"
    source.write_text("no folder")
    home = tmp_path / "home"
    home.write_text("no folder")
    try:
        for _ in range(2):
            assert run(compiled, HOME=str(home)) == COLD
    finally:
        source.unlink()


def test_without_a_home_nothing_is_called_tilde(compiled):
    source = compiled.folder / "sklearn_bp" / "backends" / "cpu" / "__pycache__"
    source.write_text("no folder")
    try:
        assert run(compiled, HOME="~") == COLD
    finally:
        source.unlink()
    assert not (compiled.folder / "~").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    _cache._write(tmp_path / "kernel", b"content")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    _cache._write(tmp_path / "kernel", b"content")
    assert _cache._read(tmp_path / "kernel") == b"content"
    assert _cache._read(tmp_path / "missing") is None


def test_code_of_another_numba_is_compiled_anew(tmp_path):
    """Whole and ours, and yet of no use."""

    class Context:
        def refresh(self):
            pass

        def codegen(self):
            return self

        def magic_tuple(self):
            return ()

    def function():
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cache, "cache_folder", lambda: tmp_path)
        kept = _cache.KernelCache(function)
        _cache._write(kept._path("types", Context()), b"no pickle")
        assert kept.load_overload("types", Context()) is None
