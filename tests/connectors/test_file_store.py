"""The file store as a folder: what is put is read, once, for its owner alone, and damage is noticed."""

from __future__ import annotations

import hashlib
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.file_store import FolderStore
from connectors.ports import FileMissing, FileStore, StoreDown

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "files")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000))
def test_what_is_put_is_read(store: FolderStore, content: bytes) -> None:
    digest = store.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert store.read(digest) == content
    assert digest in set(store.hashes())


def test_the_folder_keeps_the_port(store: FolderStore) -> None:
    port: FileStore = store
    digest = port.put(b"x")
    port.remove(digest)
    port.remove(digest)
    with pytest.raises(FileMissing):
        port.read(digest)


def test_only_its_owner_reads_it(store: FolderStore, tmp_path: Path) -> None:
    digest = store.put(b"photo")
    root = tmp_path / "files"
    modes = {
        path.relative_to(root).parts: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]
    }
    assert modes == {(): 0o700, (digest[:2],): 0o700, (digest[:2], digest): 0o600}


def test_the_same_content_is_kept_once(store: FolderStore, tmp_path: Path) -> None:
    assert store.put(b"twice") == store.put(b"twice")
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1


def test_many_at_once_leave_one_whole_file(store: FolderStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    threads = [threading.Thread(target=store.put, args=(content,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(hashlib.sha256(content).hexdigest()) == content
    assert [path.suffix for path in (tmp_path / "files").rglob("*") if path.is_file()] == [""]


def test_a_half_written_file_of_a_crash_is_replaced(store: FolderStore, tmp_path: Path) -> None:
    digest = store.put(b"whole content")
    place = tmp_path / "files" / digest[:2] / digest
    place.write_bytes(b"whole")
    with pytest.raises(FileMissing, match="损坏"):
        store.read(digest)
    assert store.put(b"whole content") == digest
    assert store.read(digest) == b"whole content"


def test_a_damaged_file_of_the_same_size_is_replaced(store: FolderStore, tmp_path: Path) -> None:
    """As a restore finds it: the backup has the content that was registered."""
    digest = store.put(b"whole content")
    (tmp_path / "files" / digest[:2] / digest).write_bytes(b"wholE content")
    assert store.put(b"whole content") == digest
    assert store.read(digest) == b"whole content"


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_no_name_but_a_hash_is_looked_for(store: FolderStore, name: str) -> None:
    with pytest.raises(FileMissing):
        store.read(name)


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "files").write_bytes(b"a file, no folder")
    with pytest.raises(StoreDown):
        FolderStore(tmp_path / "files").put(b"x")
    with pytest.raises(StoreDown):
        FolderStore(tmp_path / "files").read("0" * 64)
