"""What a parser may be sent: something sound with a few places spoiled, or anything at all."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What has broken parsers before: edges of encodings, of numbers, of dates, of nesting, of other languages.
TOKENS: Final = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\r", b"\r\n",
    b"\n", b"\t", b'"', b"'", b'""', b",", b";", b":", b"|", b"\\", b"\\ud800", b"\\u0000", b"&#0;",
    b"&#xD800;",
    b"&#x110000;", b"&lt;", b"<!ENTITY a 'b'>", b"<!DOCTYPE x>", b"<![CDATA[", b"]]>", b"<", b">",
    b"{", b"}", b"[", b"]", b"[" * 2000, b'{"a":' * 2000, b"- " * 500, b"&a", b"*a", b"!!python/none",
    b"!!int",
    b"!!binary", b"!!timestamp", b"? ", b"<<: ", b"%", b"#", b"@", b"`", b"null", b"~", b"true", b"NaN",
    b"Infinity", b"-Infinity", b"1e999", b"-0", b"0x1F", b"0o17", b"1_0", b"9" * 400, b"9" * 5000, b"-1",
    b"2026-13-45", b"2026-02-30", b"0000-00-00", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+14:00",
    b"9999999999999", b"-62135596801", b"253402300800", "²".encode(), "١٢".encode(), "①".encode(),
    "\u2028".encode(), "\u0085".encode(), "\u202e".encode(), "\ufeff".encode(), "\ufffe".encode(),
    "𠮷".encode(), "é".encode(), "e\u0301".encode(), "　".encode(), "，".encode(),
    "工地夜间施工".encode("gb18030"), b"\x81\x30\x81\x30", b"=1+1", b"${x}", b"{{x}}", b"../../etc/passwd",
    b"A" * 3000,
)  # fmt: skip

#: Cut out `drop` bytes at a share of the length, put these in.
_Edit = tuple[float, int, bytes]
_EDIT: Final[st.SearchStrategy[_Edit]] = st.tuples(
    st.floats(0, 1, allow_nan=False),
    st.sampled_from([0, 0, 1, 2, 8, 64, 1 << 20]),
    st.sampled_from(TOKENS) | st.binary(max_size=6),
)


def _edited(seed: bytes, edits: Sequence[_Edit]) -> bytes:
    for share, drop, new in edits:
        at = int(share * len(seed))
        seed = seed[:at] + new + seed[at + drop :]
    return seed


def mangled(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """One of the seeds with up to four places spoiled; sometimes bytes that are nothing."""
    spoiled = st.builds(_edited, st.sampled_from(seeds), st.lists(_EDIT, max_size=4))
    return st.one_of(spoiled, spoiled, spoiled, st.binary(max_size=200), st.sampled_from(TOKENS))


def mangled_text(*seeds: str) -> st.SearchStrategy[str]:
    """The same as text: what is no UTF-8 is given as U+FFFD, and now and then half characters."""
    decoded = mangled(*(seed.encode() for seed in seeds)).map(lambda raw: raw.decode(errors="replace"))
    return st.one_of(decoded, decoded, st.text(max_size=80))


def mangled_zip(seed: bytes) -> st.SearchStrategy[bytes]:
    """A workbook one part of which is spoiled inside a sound archive, or the archive itself."""
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def packed(name: str, part: bytes | None) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for other, content in parts.items():
                new = part if other == name else content
                if new is not None:
                    archive.writestr(other, new)
        return out.getvalue()

    inside = st.sampled_from(sorted(parts)).flatmap(
        lambda name: st.builds(packed, st.just(name), st.none() | mangled(parts[name]))
    )
    return st.one_of(inside, inside, inside, mangled(seed))


#: Any JSON value, with the values that programs forget.
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", "²", "9" * 5000, "2026-11-26 08:00:00", "1e400", 10**30, -(10**15), 1e300, 2**53]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def spoiled_object(seed: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of which some values are something else, and some are missing."""
    names = st.sampled_from(sorted(seed))
    changed = st.dictionaries(names, JSON, max_size=3)
    return st.builds(
        lambda new, gone: {name: value for name, value in {**seed, **new}.items() if name not in gone},
        changed,
        st.sets(names, max_size=2),
    )


def as_json(value: object) -> bytes:
    """JSON as careless programs write it: NaN, half characters and all."""
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
