"""Text as it comes in: folding that keeps offsets, masking what identifies a person, cutting into words."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import jieba

from nlp import identity, look_alikes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG: Final = logging.getLogger(__name__)
LEXICON: Final = Path(__file__).parent / "lexicon"
USER_DICT: Final = LEXICON / "user_dict.txt"
TERMS: Final = LEXICON / "terms.txt"

PHONE: Final = "[手机号]"
LANDLINE: Final = "[电话号]"
ID_CARD: Final = "[身份证号]"
BANK_CARD: Final = "[银行卡号]"
EMAIL: Final = "[邮箱]"
PLATE: Final = "[车牌号]"
PASSPORT: Final = "[证件号]"
WECHAT: Final = "[微信号]"
QQ: Final = "[QQ号]"

# --- folding --------------------------------------------------------------------------------------------


def _fold_table() -> dict[int, str]:
    """One character to one character: full width to half, compatibility forms, upper case to lower."""
    table = {code: chr(code - 0xFEE0).lower() for code in range(0xFF01, 0xFF5F)}
    table |= {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    table |= dict.fromkeys((*range(0x20), 0x7F, 0xA0, 0x3000, 0x200B, 0xFEFF), " ")
    table[ord("\n")] = "\n"
    for code in (*range(0xF900, 0xFAFF), *range(0x2E80, 0x2FE0)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1:  # a folding that grows would move every later offset
            table[code] = plain
    return table


_FOLD: Final = _fold_table()
_SEEN: Final = look_alikes.TABLE | _FOLD


def normalize(text: str) -> str:
    """Fold full width to half width, case, compatibility forms and control characters to one shape.

    As many characters as `text`, so offsets in one hold in the other. Line breaks stay, other controls
    become spaces.
    """
    return text.translate(_FOLD)


# --- masking --------------------------------------------------------------------------------------------

_ORDER_WORDS: Final = (
    "单号",
    "编号",
    "订单",
    "工单号",
    "合同号",
    "流水",
    "文号",
    "受理号",
    "案号",
    "序号",
    "批号",
)
_ID_WORDS: Final = ("身份证", "证件号", "证件号码", "公民身份号码")
_CARD_WORDS: Final = (
    *("卡号", "银行卡", "账号", "帐号", "账户", "帐户"),
    *("工行", "农行", "建行", "中行", "存折"),
)
#: Pads a token to the length of what it masks, while the other rules look: no word and no digit.
_FILLER: Final = "\ufffc"
_PHONE_WORDS: Final = ("电话", "手机", "联系", "致电", "拨打", "热线", "座机", "小灵通", "tel", "微信")
_CONTEXT: Final = 14
_LOOK_BACK: Final = 64  # characters searched for that context, what pads masked numbers not counted

_DIGIT: Final = re.compile(r"\d")
_EMAIL: Final = re.compile(r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}")
_ID_18: Final = re.compile(
    r"(?<![\da-z])[1-9]\d{5}[ \n\-–—]{0,2}(?:18|19|20)\d{2}[ \n\-–—]{0,2}(?:0[1-9]|1[0-2])[ \n\-–—]{0,2}"
    r"(?:0[1-9]|[12]\d|3[01])[ \n\-–—]{0,2}\d{3}[\dx](?![\da-z])"
)
_ID_15: Final = re.compile(
    r"(?<![\da-z])[1-9]\d{5}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}(?![\da-z])"
)
_CARD: Final = re.compile(
    r"(?<![\da-z.])[3-6]\d{3}(?:[ \-–—]?\d{4}){2}[ \-–—]?\d{1,4}(?:[ \-–—]?\d{1,3})?(?![\da-z])"
)
# Between the groups of a number: a dash, or the blanks and line breaks of a form or a messenger.
_GAP: Final = r"(?:[ \n]{0,2}[\-–—][ \n]{0,2}|[ \n]{1,4})?"
_MOBILE: Final = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\(?(?:\+|00)?86\)?[ \-–—]?|0(?=1[3-9]))?"
    rf"(?:1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}|1[3-9]\d[.·/_](?!(?:199|20[0-3])\d[/_])\d{{4}}[.·/_]\d{{4}}"
    rf"|1[3-9]\d{_GAP}\d{{3}}{_GAP}\d{{5}}|1[3-9]\d{{2}}{_GAP}\d{{3}}{_GAP}\d{{4}}"
    r"|1[3-9]\d(?: \d{2}){4}|1[ \-][3-9](?:[ \-]\d){9})(?!\d)"
)
# One line break anywhere: a text wrapped by the program it was pasted from.
_MOBILE_WRAPPED: Final = re.compile(r"(?<!\d)(?<!\d\.)(?=\d{2,9} ?\n\d{2})1[3-9](?:(?: ?\n)?\d){9}(?!\d)")
# The number said or spelled in characters, mixed with digits or not: a habit, and a way past a filter.
_SAID_DIGIT: Final = r"[\d〇零一幺二两三四五六七八九壹贰叁肆伍陆柒捌玖]"
_SAID_GAP: Final = r"[ \n,.·\-–—]{1,2}"
_SAID_SECOND: Final = r"[3-9三四五六七八九叁肆伍陆柒捌玖]"
_SAID_END: Final = rf"(?!(?!一[直个样下家旦])[ \-]?{_SAID_DIGIT})"
_MOBILE_SPELLED: Final = re.compile(
    rf"[1一幺壹](?<!{_SAID_DIGIT}.)(?:{_SAID_SECOND}{_SAID_DIGIT}{{9}}"
    rf"|{_SAID_SECOND}{_SAID_DIGIT}{_SAID_GAP}{_SAID_DIGIT}{{4}}{_SAID_GAP}{_SAID_DIGIT}{{4}}"
    rf"|{_SAID_SECOND}{_SAID_DIGIT}{_SAID_GAP}{_SAID_DIGIT}{{3}}{_SAID_GAP}{_SAID_DIGIT}{{5}}"
    rf"|{_SAID_SECOND}{_SAID_DIGIT}{{2}}{_SAID_GAP}{_SAID_DIGIT}{{3}}{_SAID_GAP}{_SAID_DIGIT}{{4}}"
    rf"|{_SAID_SECOND}{_SAID_DIGIT}{_SAID_GAP}{_SAID_DIGIT}{{8}}"
    rf"|(?:[ \-]{_SAID_DIGIT}){{10}}){_SAID_END}"
)
# Seven or eight digits, an area code before them or not; and the 18 or 15 of an identity card.
_SAID_LOCAL: Final = re.compile(
    rf"{_SAID_DIGIT}(?<!{_SAID_DIGIT}.)(?:(?<![01〇零一幺壹])"
    rf"|(?<=[0〇零]){_SAID_DIGIT}{{2,3}}(?:{_SAID_GAP})?(?![01〇零一幺壹]){_SAID_DIGIT})"
    rf"{_SAID_DIGIT}{{2,3}}(?:{_SAID_GAP})?{_SAID_DIGIT}{{4}}{_SAID_END}"
)
_SAID_ID: Final = re.compile(
    rf"(?<!{_SAID_DIGIT})(?:{_SAID_DIGIT}{{6}}(?:{_SAID_GAP})?{_SAID_DIGIT}{{8}}(?:{_SAID_GAP})?{_SAID_DIGIT}{{3}}"
    rf"(?:{_SAID_DIGIT}|[x叉])|{_SAID_DIGIT}{{15}}){_SAID_END}"
)
_LANDLINE: Final = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\(0\d{2,3}\) ?|\+?86[ -]?\d{2,3}[ -]"
    r"|0(?:10|2\d|[3-9]\d{2})[ \n]{0,2}[\-–—]{0,2}[ \n]?)"
    r"[2-9]\d{2,3}[ \-–—]?\d{4}(?:(?:转|-)\d{1,5})?(?!\d)"
)
# 400 and 800 numbers written in groups; ten digits in one piece may be an amount.
_SERVICE: Final = re.compile(
    r"(?<!\d)(?<!\d\.)(?:[48]00[ \-–—]\d{3,4}[ \-–—]?\d{3,4}|[48]00\d[ \-–—]\d{3}[ \-–—]\d{3}"
    r"|[48]00\d{7}|[48]00\d{3}[ \-–—]\d{4})(?!\d)"
)
# Hong Kong, Macao and Taiwan by their country codes.
_ABROAD: Final = re.compile(r"(?<!\d)\(?(?:\+|00)(?:852|853|886)\)?[ -]?\d{3,4}[ -]?\d{4,5}(?!\d)")
# Numbers that nothing but the word before them tells; the word stays.
_PASSPORT: Final = re.compile(
    r"(?:护照|通行证|回乡证|台胞证|军官证|居留证)(?:证件)?(?:号码?)?[ :是为\n]{0,3}"
    r"([a-z]{1,2}[ ]?\d{7,9}|\d{8,10})(?![\da-z])"
)
_WECHAT: Final = re.compile(
    r"(?:微信|薇信|(?<![a-z])(?:v信|vx|wx|wechat))(?:号码?|id)?就?[ :是为\n]{0,3}"
    r"(?:(?<=[:号])|(?=[a-z]{1,19}[\d_-])|(?<=号[ 是为\n])|(?<=:[ ]))"
    r"([a-z][a-z0-9_-]{5,19}|\d{6,11})(?![a-z0-9_-])"
)
_QQ: Final = re.compile(r"(?:(?<![a-z])qq|扣扣|企鹅)(?:号码?)?[ :是为\n]{0,3}([1-9]\d{4,10})(?!\d)")
_LOCAL_NUMBER: Final = re.compile(r"(?<!\d)(?<!\d\.)[2-9]\d{2,3}[ -]?\d{4}(?!\d|\.\d)")
# A letter of the issuing city, then five (six for new energy) with at least one digit.
_PLATE: Final = re.compile(
    r"[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新] ?[a-hj-z][ ·.\-]{0,2}"
    r"(?=[a-hj-np-z]{0,5}\d)[a-hj-np-z0-9]{4}[a-hj-np-z0-9挂学警港澳]{1,2}(?![a-z0-9])"
)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
#: GB/T 2260: the first two digits of a region code.
_PROVINCES: Final = frozenset(
    str(code)
    for codes in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66))
    for code in (*codes,)
) | {"71", "81", "82"}
_ID_CHECK: Final = "10x98765432"
_LOCAL_LENGTHS: Final = frozenset({7, 8})
_CARD_LENGTHS: Final = range(16, 20)
_DOUBLED_MAX: Final = 9
_SERVICE_LENGTH: Final = 10
#: A number that hangs on one of these is a piece of a longer one.
_JOINS: Final = frozenset("abcdefghijklmnopqrstuvwxyz-_/")


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit() or character == "x")


def _said_before(text: str, start: int, words: tuple[str, ...]) -> bool:
    """Whether one of `words` stands shortly before `start`, with nothing but the same clause between."""
    before = text[max(0, start - _LOOK_BACK) : start].replace(_FILLER, "")[-_CONTEXT:]
    before = re.split(r"[,,。;；！!？?\n]", before)[-1]
    return any(word in before for word in words)


def _id_ok(number: str) -> bool:
    """GB 11643-1999: the last of 18 is a check on the first 17."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number[:17], strict=True))
    return _ID_CHECK[total % 11] == number[17]


def _luhn_ok(number: str) -> bool:
    """ISO/IEC 7812-1: the check of bank cards."""
    total = 0
    for at, character in enumerate(reversed(number)):
        digit = int(character) * (1 + at % 2)
        total += digit - _DOUBLED_MAX if digit > _DOUBLED_MAX else digit
    return total % 10 == 0


def _is_id(text: str, match: re.Match[str]) -> bool:
    """Region and birthday are right already; a wrong check digit is a slip unless it is an order number."""
    number = _digits(match.group())
    if _id_ok(number) or _said_before(text, match.start(), _ID_WORDS):
        return True
    return number[:2] in _PROVINCES and not _said_before(text, match.start(), _ORDER_WORDS)


def _is_old_id(text: str, match: re.Match[str]) -> bool:
    return _said_before(text, match.start(), _ID_WORDS)


def _is_card(text: str, match: re.Match[str]) -> bool:
    number = _digits(match.group())
    if len(number) not in _CARD_LENGTHS:
        return False
    if _said_before(text, match.start(), _CARD_WORDS):
        return True
    return _luhn_ok(number) and not _said_before(text, match.start(), _ORDER_WORDS)


def _is_mobile(text: str, match: re.Match[str]) -> bool:
    """Exactly eleven digits are a mobile number whatever they are called: callers mix the words up."""
    before = text[max(0, match.start() - 1) : match.start()]
    if {"/", "_"} & {*match.group()}:  # so are numbers of cases and documents written, and parts of addresses
        return before not in _JOINS and _is_telephone(text, match)
    return (match.group()[0] == "1" and before not in _JOINS) or _is_telephone(text, match)


def _is_spelled(text: str, match: re.Match[str]) -> bool:
    """Digits alone are the other rules' matter: here one at least is a character."""
    return not match.group().isascii() and _is_telephone(text, match)


def _is_spelled_id(text: str, match: re.Match[str]) -> bool:
    return not match.group().isascii() and _is_old_id(text, match)


def _is_spelled_local(text: str, match: re.Match[str]) -> bool:
    """Seven or eight digits that are said may be anything, as written ones may."""
    return not match.group().isascii() and _said_before(text, match.start(), _PHONE_WORDS)


def _is_telephone(text: str, match: re.Match[str]) -> bool:
    return not _said_before(text, match.start(), _ORDER_WORDS)


def _is_service(text: str, match: re.Match[str]) -> bool:
    number = _digits(match.group())
    if len(number) != _SERVICE_LENGTH or not _is_telephone(text, match):
        return False
    return match.group() != number or _said_before(text, match.start(), _PHONE_WORDS)


def _is_local_number(text: str, match: re.Match[str]) -> bool:
    """Seven or eight digits alone may be anything; called a telephone they are one."""
    if len(_digits(match.group())) not in _LOCAL_LENGTHS:
        return False
    # Of several in a row the first alone stands by the word.
    before = _LOCAL_NUMBER.sub("", text[max(0, match.start() - _LOOK_BACK) : match.start()])
    return _said_before(before, len(before), _PHONE_WORDS)


def _always(_text: str, _match: re.Match[str]) -> bool:
    return True


class _Rule(NamedTuple):
    """What is masked by what. Worth a look where a text has the digits and a word that every match has."""

    pattern: re.Pattern[str]
    holds: Callable[[str, re.Match[str]], bool]
    token: str
    digits: int = 0
    words: tuple[str, ...] = ("",)


#: In this order: a longer number is settled before a rule that could take a piece of it.
_RULES: Final = (
    _Rule(_EMAIL, _always, EMAIL, words=("@",)),
    _Rule(_ID_18, _is_id, ID_CARD, digits=17),
    _Rule(_CARD, _is_card, BANK_CARD, digits=13),
    _Rule(_ID_15, _is_old_id, ID_CARD, digits=15),
    _Rule(_SAID_ID, _is_spelled_id, ID_CARD, words=_ID_WORDS),
    _Rule(_PASSPORT, _always, PASSPORT, digits=7),
    _Rule(_MOBILE, _is_mobile, PHONE, digits=11),
    _Rule(_MOBILE_WRAPPED, _is_telephone, PHONE, digits=11),
    _Rule(_PLATE, _always, PLATE, digits=1),
    _Rule(_MOBILE_SPELLED, _is_spelled, PHONE),
    _Rule(_SAID_LOCAL, _is_spelled_local, LANDLINE, words=_PHONE_WORDS),
    _Rule(_WECHAT, _always, WECHAT, words=("信", "vx", "wx", "wechat")),
    _Rule(_QQ, _always, QQ, digits=5, words=("qq", "扣扣", "企鹅")),
    _Rule(_ABROAD, _always, LANDLINE, digits=10),
    _Rule(_LANDLINE, _is_telephone, LANDLINE, digits=10),
    _Rule(_SERVICE, _is_service, LANDLINE, digits=9),
    _Rule(_LOCAL_NUMBER, _is_local_number, LANDLINE, digits=7),
    *(_Rule(*rule) for rule in identity.RULES),
)


def mask_identity(text: str) -> str:
    """Replace the numbers, e-mails, names and rooms that tell who speaks by tokens.

    Telephone, identity, passport, bank card, plate and messenger numbers; and the speaker's own name and
    room (`nlp.identity`). Works on any string, full-width digits included. What is masked already stays as it
    is, and masking twice changes nothing. Long numbers that are called an order or file number are kept,
    unless they have exactly the form of a mobile number.
    """
    return replaced(text, identity_spans(text))


def identity_spans(text: str) -> list[tuple[int, int, str]]:
    """What `mask_identity` replaces, in order: start, end, the token."""
    found: list[tuple[int, int, str]] = []
    folded = _masked(text.translate(_SEEN), found)
    if look_alikes.ANY_RINGED.search(folded):
        _masked(folded.translate(look_alikes.RINGED), found, rings=folded)
    return sorted(found)


def _masked(folded: str, found: list[tuple[int, int, str]], rings: str = "") -> str:
    """The folded text with the tokens that the rules set; where each stands and which is added to `found`."""
    digits = len(_DIGIT.findall(folded))  # never more than at first: a token has none
    for pattern, holds, token, least, words in _RULES:
        if digits < least or not any(word in folded for word in words):
            continue
        taken = [
            match.span(match.lastindex or 0)  # the number alone where a rule has a word before it
            for match in pattern.finditer(folded)
            if holds(folded, match) and (not rings or look_alikes.ringed(rings, match))
        ]
        if not taken:
            continue
        # The rules after this one must see the token, as a second masking would; offsets stay.
        folded = replaced(folded, [(a, b, token.lower().rjust(b - a, _FILLER)[a - b :]) for a, b in taken])
        found += [(start, end, token) for start, end in taken]
    return folded


def replaced(text: str, parts: Sequence[tuple[int, int, str]]) -> str:
    """The text with spans, in order and apart from each other, replaced."""
    pieces: list[str] = []
    at = 0
    for start, end, other in parts:
        pieces += (text[at:start], other)
        at = end
    return "".join((*pieces, text[at:]))


# --- cutting --------------------------------------------------------------------------------------------


def _cache_folder() -> Path:
    """A folder that only this user can write: jieba unmarshals its cache, so nobody else may plant one."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "jiesu"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
    except OSError as fault:  # a read-only home, as in a container: build the dictionary anew each start
        _LOG.info("no cache folder for jieba: %s", fault.strerror)
        return Path(tempfile.mkdtemp(prefix="jiesu-"))
    if info.st_uid == os.getuid() and not info.st_mode & 0o022 and os.access(folder, os.W_OK):
        return folder
    return Path(tempfile.mkdtemp(prefix="jiesu-"))


@lru_cache(maxsize=1)
def _tokenizer() -> jieba.Tokenizer:
    """Our own tokenizer, with our own words: the one of the jieba module belongs to nobody."""
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(_cache_folder())
    tokenizer.cache_file = "jieba.cache"
    tokenizer.initialize()
    for path in (USER_DICT, TERMS):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                tokenizer.add_word(line)
    return tokenizer


def cut(text: str) -> list[tuple[str, int, int]]:
    """Cut into words: each with its start and end, in characters of `text`.

    jieba over the folded text with our user dictionary; words are given folded, offsets hold in `text`.
    """
    return list(_tokenizer().tokenize(normalize(text)))
