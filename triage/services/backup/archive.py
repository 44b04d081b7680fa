"""What a backup file holds, inside its seal: a tar stream, written and read once, in order.

`about.json` first (what it is and which keys it needs), then the database in parts, files, and
`manifest.json` last with the checksums that were only known by then. Read back, everything lies in a
folder for its owner alone, and nothing else was touched: whoever restores knows that the whole is sound
before the first change. A site's own files stand under running numbers and keep their names in the
manifest: a folder may hold any name that its system allows.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from connectors.sealed_stream import Broken, SealedReader, SealedWriter, StreamError, UnknownKey
from triage import datadir
from triage.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from triage.services.backup.keys import Needed
    from triage.services.backup.measuring import Measured

FORMAT: Final = 2
ABOUT: Final = "about.json"
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FILES: Final = "files"
EXTRA: Final = "extra"
#: A stream whose length nobody knows goes into the tar in parts of this size.
PART: Final = 8 * 1024 * 1024
_NAME: Final = re.compile(r"(?:database/\d{8}|files/[0-9a-f]{2}/[0-9a-f]{64}|extra/\d{8})")


@dataclass(frozen=True, slots=True)
class About:
    """What stands first: enough to refuse before anything is unpacked."""

    format: int
    made_at: str
    version: str
    revision: str
    dialect: str
    server: str
    needs: Needed


@dataclass(slots=True)
class Manifest:
    """What stands last: what was put in, and what was in the database."""

    tables: Measured = field(default_factory=dict)
    database_sha256: str = ""
    database_bytes: int = 0
    files: int = 0
    files_bytes: int = 0
    #: What the database names and the file store could not give: by checksum.
    files_missing: list[str] = field(default_factory=list)
    #: Checksums of further files by their names, in the order of their numbers.
    extra: dict[str, str] = field(default_factory=dict)


class Writer:
    """Puts things into a backup file, in order."""

    def __init__(self, file: IO[bytes], master: bytes, *, key_id: int, about: About) -> None:
        """Begin with what it is."""
        self._sealed = SealedWriter(file, master, key_id=key_id)
        self._tar = tarfile.open(fileobj=self._sealed, mode="w|", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115  (closed by finish)
        self.manifest = Manifest()
        self._put(ABOUT, orjson.dumps(asdict(about)))

    def database(self, stream: IO[bytes], told: Callable[[int], None]) -> None:
        """The database's dump or file, to the end of the stream."""
        whole, number = hashlib.sha256(), 0
        while part := stream.read(PART):
            whole.update(part)
            self._put(f"{DATABASE}/{number:08d}", part)
            number += 1
            self.manifest.database_bytes += len(part)
            told(self.manifest.database_bytes)
        self.manifest.database_sha256 = whole.hexdigest()

    def attachment(self, sha256: str, content: bytes) -> None:
        """A content of the file store; its name is its checksum."""
        self._put(f"{FILES}/{sha256[:2]}/{sha256}", content)
        self.manifest.files += 1
        self.manifest.files_bytes += len(content)

    def further(self, name: str, path: Path) -> None:
        """Another file, by a name of its own; read once. Raises BadInput when somebody writes to it."""
        if not _speakable(name):
            raise BadInput(f"{name!r}：文件名不是 UTF-8，放不进备份")
        try:
            file = path.open("rb")
        except OSError as error:
            raise BadInput(f"读不了要备份的文件 {path}（{datadir.system_reason(error)}）") from None
        with file:
            before = os.fstat(file.fileno())
            info = tarfile.TarInfo(f"{EXTRA}/{len(self.manifest.extra):08d}")
            info.size, info.mode = before.st_size, 0o600
            read = _Hashed(file)
            try:
                self._tar.addfile(info, read)
            except _Shorter:
                raise BadInput(_CHANGED.format(path)) from None
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise BadInput(_CHANGED.format(path))
        self.manifest.extra[name] = read.digest()

    def finish(self) -> None:
        """End with the manifest; without this the file does not open."""
        self._put(MANIFEST, orjson.dumps(asdict(self.manifest)))
        self._tar.close()
        self._sealed.finish()

    def _put(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


_CHANGED: Final = "备份时还有程序在写 {}：等它写完再备份"


class _Shorter(Exception):
    """A file ended before the size it had when it was opened."""


class _Hashed:
    """A file that is hashed while tarfile copies it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._whole = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Exactly so much. Raises _Shorter."""
        content = self._file.read(size)
        if len(content) != size:
            raise _Shorter
        self._whole.update(content)
        return content

    def digest(self) -> str:
        """Of what was read."""
        return self._whole.hexdigest()


def _speakable(name: str) -> bool:
    """Whether JSON can hold it: a name of other bytes than UTF-8 has lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(name: str) -> bool:
    """Whether a name stays below the folder it is laid in, and is written in the one way there is."""
    return (
        bool(name) and name == PurePosixPath(name).as_posix() and not name.startswith("/")
        and not {".", ".."} & set(name.split("/")) and "\0" not in name
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup that was read to its end and is sound; `folder` holds database, files and extra."""

    about: About
    manifest: Manifest
    folder: Path

    @property
    def database(self) -> Path:
        """The dump or the SQLite file."""
        return self.folder / DATABASE


def unpack(
    path: Path,
    masters: Mapping[int, bytes],
    folder: Path,
    *,
    sound: Callable[[About], None],
    told: Callable[[int], None],
) -> Unpacked:
    """Read the whole file into the folder. `sound` may refuse by what stands first. Raises BadInput."""
    try:
        with path.open("rb") as file:
            reader = SealedReader(file, masters)
            with tarfile.open(fileobj=reader, mode="r|") as tar:  # type: ignore[call-overload]
                found = _Unpacking(folder, sound, told).all(tar)
            reader.finish()
    except UnknownKey as fault:
        raise BadInput(
            f"这份备份是用 {fault.key_id} 号备份密钥加密的，手头没有这一把（或编号相同而密钥不同）；没有改动"
        ) from None
    except Broken:
        raise BadInput("备份文件不完整或被改动过，不能用；没有改动") from None
    except (StreamError, tarfile.TarError, orjson.JSONDecodeError, KeyError, TypeError):
        raise BadInput("这不是一份完好的接诉备份文件；没有改动") from None
    except OSError as error:
        raise BadInput(f"读不了备份文件，或写不下解开的内容（{error.strerror}）；没有改动") from None
    return found


class _Unpacking:
    def __init__(self, folder: Path, sound: Callable[[About], None], told: Callable[[int], None]) -> None:
        self._folder = folder
        self._sound = sound
        self._told = told
        self._read = Manifest()
        self._extra: list[str] = []
        self._whole = hashlib.sha256()

    def all(self, tar: tarfile.TarFile) -> Unpacked:
        about = About(**self._json(tar, tar.next(), ABOUT))
        if about.format != FORMAT:
            raise BadInput(f"备份文件的格式是 {about.format}，本程序只认 {FORMAT}；没有改动")
        self._sound(about)
        (self._folder / FILES).mkdir(mode=0o700)
        with (self._folder / DATABASE).open("wb") as database:
            while (member := tar.next()) is not None:
                if member.name == MANIFEST:
                    return Unpacked(about, self._compared(Manifest(**self._json(tar, member))), self._folder)
                if not member.isreg() or not _NAME.fullmatch(member.name):
                    raise Broken(member.name)
                self._take(tar.extractfile(member), member.name, database)
        raise Broken("no manifest")

    def _json(self, tar: tarfile.TarFile, member: tarfile.TarInfo | None, name: str = MANIFEST) -> Any:  # noqa: ANN401  (checked by the class it becomes)
        if member is None or member.name != name:
            raise StreamError(name)
        file = tar.extractfile(member)
        return orjson.loads(file.read() if file else b"")

    def _take(self, file: IO[bytes] | None, name: str, database: IO[bytes]) -> None:
        if file is None:
            raise Broken(name)
        kind, _, number = name.partition("/")
        if kind == DATABASE:
            content = file.read()
            self._whole.update(content)
            self._read.database_bytes += database.write(content)
            self._told(self._read.database_bytes)
            return
        content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        place = self._folder / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(content)
        if kind == FILES:
            if not name.endswith(f"/{digest}"):
                raise Broken(name)
            self._read.files += 1
            self._read.files_bytes += len(content)
        elif int(number) != len(self._extra):
            raise Broken(name)
        else:
            self._extra.append(digest)

    def _compared(self, wanted: Manifest) -> Manifest:
        self._read.database_sha256 = self._whole.hexdigest()
        # What only the manifest can know.
        self._read.tables, self._read.files_missing = wanted.tables, wanted.files_missing
        self._read.extra = dict(zip(wanted.extra, self._extra, strict=False))
        if self._read != wanted or len(self._extra) != len(wanted.extra):
            raise Broken("manifest")
        self._named(wanted)
        return wanted

    def _named(self, wanted: Manifest) -> None:
        """Give further files the names that the manifest has for them, for their owner alone."""
        numbered = self._folder / f"{EXTRA}.numbered"
        if (self._folder / EXTRA).exists():
            (self._folder / EXTRA).rename(numbered)
        for number, name in enumerate(wanted.extra):
            if not _inside(name):
                raise Broken(name)
            place = self._folder / EXTRA / name
            for folder in reversed(place.relative_to(self._folder).parents[:-1]):
                (self._folder / folder).mkdir(mode=0o700, exist_ok=True)
            (numbered / f"{number:08d}").rename(place)
            place.chmod(0o600)
