"""The vault: what is sealed opens only in its place, with its key; phones are found without opening."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from connectors import keys
from connectors.keys import FileKeys, KeyFileRefused, KeyRing
from connectors.vault import Stamp, Vault, VaultError, normal_phone, signed_by, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

OLD = bytes(range(32))
NEW = bytes(range(32, 64))


@given(st.text())
def test_a_sealed_value_opens_to_itself(value: str) -> None:
    vault = Vault({1: OLD})
    sealed = vault.seal(value, belongs_to="appellant.name:7")
    assert vault.open(sealed, belongs_to="appellant.name:7") == value


def test_the_same_value_never_looks_the_same() -> None:
    vault = Vault({1: OLD})
    assert vault.seal("张三", belongs_to="a:1") != vault.seal("张三", belongs_to="a:1")


def test_a_value_moved_to_another_row_does_not_open() -> None:
    vault = Vault({1: OLD})
    sealed = vault.seal("13800000001", belongs_to="appellant.phone:1")
    with pytest.raises(VaultError, match=r"appellant\.phone:2 does not open"):
        vault.open(sealed, belongs_to="appellant.phone:2")


@given(st.integers(min_value=0, max_value=40))
def test_a_changed_byte_is_noticed(position: int) -> None:
    vault = Vault({1: OLD})
    sealed = bytearray(vault.seal("13800000001", belongs_to="p:1"))
    sealed[position] ^= 1
    with pytest.raises(VaultError):
        vault.open(bytes(sealed), belongs_to="p:1")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed_before = Vault({1: OLD}).seal("李四", belongs_to="n:1")
    vault = Vault({2: NEW, 1: OLD})
    assert vault.open(sealed_before, belongs_to="n:1") == "李四"
    with pytest.raises(VaultError, match="unknown key"):
        Vault({1: OLD}).open(vault.seal("李四", belongs_to="n:1"), belongs_to="n:1")


def test_the_blind_index_outlives_a_new_key() -> None:
    assert Vault({1: OLD}).phone_index("13800000001") == Vault({2: NEW, 1: OLD}).phone_index("13800000001")


@pytest.mark.parametrize(
    "written",
    ["13800000001", "+86 138-0000-0001", "138 0000 0001", "１３８０００００００１", "008613800000001"],
)
def test_one_phone_has_one_index_however_written(written: str) -> None:
    vault = Vault({1: OLD})
    assert vault.phone_index(written) == vault.phone_index("13800000001")
    assert normal_phone(written) == "13800000001"


def test_different_phones_and_different_keys_have_different_indexes() -> None:
    vault = Vault({1: OLD})
    assert vault.phone_index("13800000001") != vault.phone_index("13800000002")
    assert vault.phone_index("13800000001") != Vault({1: NEW}).phone_index("13800000001")


@pytest.mark.parametrize(
    "text", ["", "1", "1:short", "x:" + base64.b64encode(OLD).decode(), "0:" + base64.b64encode(OLD).decode()]
)
def test_bad_key_texts_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(VaultError) as caught:
        Vault.parse(text)
    assert "short" not in str(caught.value)
    assert base64.b64encode(OLD).decode() not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [("1", "1 号密钥写了两次"), ("01", "1 号密钥写了两次"), ("audit", "audit 的密钥写了两次")],
)
def test_two_keys_of_one_name_are_refused(name: str, told: str) -> None:
    """Either would be lost, and all that it sealed; one that stands there twice loses nothing."""
    old, new = base64.b64encode(OLD).decode(), base64.b64encode(NEW).decode()
    short = name.lstrip("0")
    with pytest.raises(VaultError, match=told) as caught:
        KeyRing.parse(f"9:{old}\n{short}:{old}\n{name}:{new}")
    assert old not in str(caught.value)
    assert KeyRing.parse(f"9:{old},{short}:{old},{name}:{old}").keys[9] == OLD


def test_a_key_file_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    sealed = Vault.open_or_create(path).seal("王五", belongs_to="n:1")
    assert Vault.open_or_create(path).open(sealed, belongs_to="n:1") == "王五"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def direct(value: str, belongs_to: str) -> bytes:
    """What format 1 looked like: sealed with key 1 itself."""
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"jiesu/seal").derive(OLD)
    head, nonce = bytes([1, 0, 1]), bytes(12)
    return head + nonce + AESGCM(key).encrypt(nonce, value.encode(), head + belongs_to.encode())


def test_what_the_first_format_sealed_still_opens_and_is_renewed() -> None:
    vault = Vault({2: NEW, 1: OLD})
    sealed = direct("张三", "n:1")
    assert vault.open(sealed, belongs_to="n:1") == "张三"
    renewed = vault.renewed(sealed, belongs_to="n:1")
    assert (stamp_of(sealed), stamp_of(renewed)) == (Stamp(1, 1), Stamp(2, 2))
    assert vault.open(renewed, belongs_to="n:1") == "张三"


def test_a_new_master_key_wraps_the_data_key_anew_and_touches_nothing_else() -> None:
    sealer = Vault({1: OLD}).sealer()
    name, phone = sealer.seal("张三", belongs_to="n:1"), sealer.seal("13800000001", belongs_to="p:1")
    assert name[:63] == phone[:63]
    vault = Vault({2: NEW, 1: OLD})
    renewed = vault.renewed(name, belongs_to="n:1")
    assert renewed[63:] == name[63:]
    assert Vault({2: NEW}).open(renewed, belongs_to="n:1") == "张三"
    assert vault.renewed(renewed, belongs_to="n:1") is renewed


@pytest.mark.parametrize("at", [1, 4, 20, 62, 70, -1])
def test_a_change_anywhere_is_noticed(at: int) -> None:
    vault = Vault({1: OLD})
    sealed = bytearray(vault.seal("13800000001", belongs_to="p:1"))
    sealed[at] ^= 1
    with pytest.raises(VaultError):
        vault.open(bytes(sealed), belongs_to="p:1")


def test_the_ring_of_a_file_is_taken_over_by_a_process_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    running = Vault.open_or_create(path)
    before = running.phone_index("13800000001")
    file = FileKeys(path)
    file.save(file.ring().with_new().led_by(2))
    sealed = Vault.open_or_create(path).seal("王五", belongs_to="n:1")
    assert stamp_of(sealed) == Stamp(2, 2)
    # An unknown key lets it look at the file at once.
    assert running.open(sealed, belongs_to="n:1") == "王五"
    assert running.seals_with == Stamp(2, 2)
    file.save(file.ring().without(1))
    alone = Vault.open_or_create(path)
    assert (alone.phone_index("13800000001"), alone.public_key) == (before, running.public_key)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_a_ring_that_is_saved_stays_with_the_user_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    file = FileKeys.open_or_create(path)
    path.chmod(0o640)
    before = path.stat()
    with (
        mock.patch("os.fstat", return_value=mock.Mock(st_uid=0, st_gid=10001)),
        mock.patch("os.fchown") as given,
    ):
        file.save(file.ring().with_new())
    assert given.call_args.args[1:] == (before.st_uid, before.st_gid)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_ring_that_its_reader_would_lose_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    file = FileKeys.open_or_create(path)
    before = path.read_bytes()
    for refused in (file.check_writable, lambda: file.save(file.ring().with_new())):
        with (
            mock.patch("os.fstat", return_value=mock.Mock(st_uid=0, st_gid=10001)),
            mock.patch("os.fchown", side_effect=PermissionError),
            pytest.raises(KeyFileRefused, match="请用它的所有者或 root 运行"),
        ):
            refused()
    busy = mock.patch.object(type(path), "replace", side_effect=OSError(16, "Device or resource busy"))
    with busy, pytest.raises(KeyFileRefused, match="换不了密钥文件"):
        file.save(file.ring().with_new())
    file.check_writable()
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_a_ring_that_cannot_be_read_any_more_is_still_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keys, "LOOK_AGAIN_SECONDS", 0.0)
    path = tmp_path / "vault.key"
    running = Vault.open_or_create(path)
    sealed = running.seal("王五", belongs_to="n:1")
    kept = path.read_text()
    path.write_text("half of a li")
    assert running.open(sealed, belongs_to="n:1") == "王五"
    assert "key_file_unread" in caplog.text
    assert "half" not in caplog.text
    path.unlink()
    assert running.open(sealed, belongs_to="n:1") == "王五"
    newer = Vault.parse(f"{kept.strip()},9:{base64.b64encode(NEW).decode()}")
    unknown = Vault({9: NEW}).seal("赵六", belongs_to="n:2")
    with pytest.raises(VaultError, match="cannot be read"):
        running.open(unknown, belongs_to="n:2")
    path.write_text(kept.strip() + f"\n9:{base64.b64encode(NEW).decode()}\n")
    assert running.open(unknown, belongs_to="n:2") == newer.open(unknown, belongs_to="n:2") == "赵六"


def test_a_signature_is_checked_with_the_public_key_alone() -> None:
    vault = Vault({1: OLD})
    signature = vault.sign(b"a")
    assert signed_by(vault.public_key, b"a", signature)
    assert not signed_by(vault.public_key, b"b", signature)
    assert not signed_by("00", b"a", signature)
