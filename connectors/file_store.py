"""The file store (附件库) as a folder: content under its own hash, for its owner alone.

A file is written beside its place, flushed to disk and moved there, so that what has a name is whole; the
same content is kept once. What is read back is hashed again: a damaged disk must not pass for evidence.
Callers: `triage.services.attachments`. Blocking: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.ports import FileMissing, StoreDown

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER: Final = 0o700
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FANOUT: Final = 2
_PART: Final = ".part"


class FolderStore:
    """Keeps contents under `root/ab/abcdef…`; folders 0700, files 0600. Made when first written to."""

    def __init__(self, root: Path) -> None:
        """Name the folder; nothing is touched yet."""
        self._root = root

    def put(self, content: bytes) -> str:
        """Keep the content and give its sha256 (hex); the same content again changes nothing.

        What stands there and is not the content (a damaged disk, a crash) is replaced. Raises StoreDown when
        the disk refuses.
        """
        digest = hashlib.sha256(content).hexdigest()
        place = self._place(digest)
        try:
            if _holds(place, content):
                return digest
            self._root.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
            place.parent.mkdir(mode=_FOLDER, exist_ok=True)
            # mkstemp gives 0600, whatever the umask.
            handle, name = tempfile.mkstemp(suffix=_PART, dir=place.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(place)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._flush(place.parent)
        except OSError as error:
            raise StoreDown(f"附件无法写入磁盘（{type(error).__name__}）") from error
        return digest

    def read(self, sha256: str) -> bytes:
        """Give the content back. Raises FileMissing when it is not there or not what it was; StoreDown."""
        try:
            content = self._place(sha256).read_bytes()
        except FileNotFoundError:
            raise FileMissing("附件不在附件库中") from None
        except OSError as error:
            raise StoreDown(f"附件无法读取（{type(error).__name__}）") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise FileMissing("附件内容已损坏，与登记的摘要不符")
        return content

    def remove(self, sha256: str) -> None:
        """Remove the content, if it is there. Raises StoreDown. Callers see to it that nobody names it."""
        try:
            self._place(sha256).unlink(missing_ok=True)
        except OSError as error:
            raise StoreDown(f"附件无法删除（{type(error).__name__}）") from error

    def hashes(self) -> Iterator[str]:
        """Every content that is kept, for comparison with the register."""
        for path in self._root.glob("??/*"):
            if _HASH.fullmatch(path.name):
                yield path.name

    def _place(self, sha256: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise FileMissing("不是附件摘要")
        return self._root / sha256[:_FANOUT] / sha256

    @staticmethod
    def _flush(folder: Path) -> None:
        """Let the name outlive a power cut, too."""
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _holds(place: Path, content: bytes) -> bool:
    """Whether the file is there and has this content; one that the disk cannot read any more has not."""
    try:
        return place.stat().st_size == len(content) and place.read_bytes() == content
    except OSError:
        return False
