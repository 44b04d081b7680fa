"""RSS, Atom, JSON Feed and vendors' lists, in good and bad encodings; bombs refused; broken ones mended."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connectors.feeds.decoding import decode
from connectors.feeds.errors import FeedRefused
from connectors.feeds.items import _RELATIVE, LOOKED_FOR, MOST_TEXT, plain, web_address
from connectors.feeds.json_feeds import FieldMap
from connectors.feeds.moments import moment
from connectors.feeds.reading import parse, readable

TEXT = "河边夜里有人倾倒渣土，河水发黑发臭，附近居民多次反映。"
AT = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)

RSS_20 = f"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>本地新闻</title><link>https://news.example/</link>
<item><title>河道 &amp; 渣土</title><link>https://news.example/1</link><guid>n1</guid>
<description><![CDATA[<p>{TEXT}</p><script>alert(1)</script><p>第二段&nbsp;文字</p>]]></description>
<pubDate>Wed, 25 Nov 2026 09:30:00 +0800</pubDate></item>
<item><title>没有时间</title><link>https://news.example/2</link></item></channel></rss>"""

RSS_091 = f"""<?xml version="1.0"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"
 "http://my.netscape.com/publish/formats/rss-0.91.dtd">
<rss version="0.91"><channel><item><title>旧</title><link>https://news.example/1</link>
<description>{TEXT}</description></item></channel></rss>"""

RSS_10 = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://news.example/"/>
<item rdf:about="https://news.example/1"><title>一</title><link>https://news.example/1</link>
<description>{TEXT}</description><dc:date>2026-11-25T09:30:00+08:00</dc:date></item></rdf:RDF>"""

ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><id>tag:1</id>
<title type="html">&lt;b&gt;河道&lt;/b&gt;</title><link href="https://news.example/1"/>
<updated>2026-11-25T01:30:00Z</updated><summary>短</summary>
<content type="html">{TEXT}</content></entry></feed>"""


def test_rss_20() -> None:
    first, second = parse(RSS_20.encode())
    assert (first.title, first.url, first.guid, first.published) == (
        "河道 & 渣土", "https://news.example/1", "n1", AT,
    )  # fmt: skip
    assert first.text == f"{TEXT}\n第二段 文字"
    assert second.published is None


@pytest.mark.parametrize("text", [RSS_091, RSS_10, ATOM])
def test_the_other_formats(text: str) -> None:
    (item,) = parse(text.encode())
    assert item.url == "https://news.example/1"
    assert item.text == TEXT
    assert item.title


@pytest.mark.parametrize("said", ["Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_a_date_before_there_was_news_is_no_date(said: str) -> None:
    first, _ = parse(RSS_20.replace("Wed, 25 Nov 2026 09:30:00 +0800", said).encode())
    assert first.published is None


def test_atom_title_is_plain() -> None:
    (item,) = parse(ATOM.encode())
    assert (item.title, item.published) == ("河道", AT)


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        ("gb2312", "gb18030"), ("gbk", "gb18030"), ("utf-8", "gb18030"), ("gb2312", "utf-8"),
        ("utf-16", "utf-16"),
        ("iso-8859-1", "utf-8"), ("no-such", "gb18030"), ("hex", "gb18030"), ("utf-8", "utf-8-sig"),
    ],
)  # fmt: skip
def test_whatever_the_sender_says(declared: str, real: str) -> None:
    body = RSS_20.replace("utf-8", declared, 1).encode(real)
    assert parse(body)[0].title == "河道 & 渣土"
    assert parse(body, f"application/xml; charset={declared}")[0].text.startswith(TEXT)


def test_bytes_that_are_nothing_still_read() -> None:
    assert decode(b"\xff\xff" + TEXT.encode()[:-1]) != ""


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">{}]>
<rss version="2.0"><channel><item><title>&j;</title></item></channel></rss>""".format(
    "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
)
EXTERNAL = """<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><item><title>&x;</title></item></channel></rss>"""
QUADRATIC = f'<!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]><rss><channel><item><title>{"&a;" * 20_000}</title></item></channel></rss>'  # noqa: E501


@pytest.mark.parametrize(
    "text", [BOMB, EXTERNAL, QUADRATIC, BOMB.replace("<!DOCTYPE", "<!-- <a> --><!doctype")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(text: str, encoding: str) -> None:
    with pytest.raises(FeedRefused, match="xml_entities"):
        parse(text.encode(encoding))


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "no_feed"), ("<html><body>404</body></html>", "no_feed"), ("not xml", "no_feed"), ("{", "no_json"),
     ('{"a": 1}', "no_feed"), ("[1, 2]", "no_feed")],
)  # fmt: skip
def test_what_is_no_feed_is_refused(text: str, code: str) -> None:
    with pytest.raises(FeedRefused, match=code):
        parse(text.encode())


def test_a_broken_feed_gives_what_is_whole() -> None:
    broken = RSS_20.replace("</item></channel></rss>", "").replace("&amp;", "&")
    assert [item.url for item in parse(broken.encode())] == [
        "https://news.example/1",
        "https://news.example/2",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "<rss><channel>" + "<a>" * 200_000,
        "<rss><channel>" + "<item><title>x</title></item>" * 50_000 + "</channel></rss>",
        "<rss><item><description>" + "&lt;script&gt;" * 100_000 + "</description></item></channel>",
        "<rss><item><description>" + "&lt;div&gt;" * 100_000 + "</description></item></channel>",
        "<rss " + "a='b' " * 100_000 + "><channel/></rss>",
        "<!DOCTYPE" * 200_000,
    ],
    ids=["deep", "many", "scripts", "divs", "attributes", "doctypes"],
)  # fmt: skip
def test_hostile_shapes_cost_little(hostile: str) -> None:
    started = time.process_time()
    try:
        found = parse(hostile.encode())
    except FeedRefused:
        found = []
    assert len(found) <= LOOKED_FOR
    assert all(len(item.text) <= MOST_TEXT for item in found)
    # Seconds of CPU, many times what it takes: what grows with the square would take minutes.
    assert time.process_time() - started < 20


def test_json_feed() -> None:
    body = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {"id": "1", "url": "https://news.example/1", "title": "一", "content_html": f"<p>{TEXT}</p>",
             "date_published": "2026-11-25T09:30:00+08:00"},
            {"id": "javascript:alert(1)", "url": "javascript:alert(1)", "title": 7},
            "nonsense",
        ],
    }  # fmt: skip
    first, second = parse(orjson.dumps(body))
    assert (first.url, first.text, first.published) == ("https://news.example/1", TEXT, AT)
    assert (second.url, second.title, second.published) == (None, "7", None)


MAP = """
items: data.records
url: link
title: title
text: [content, summary]
time: publishTime
guid: newsId
time_unit: milliseconds
"""


def test_a_vendors_list_by_its_map() -> None:
    body = {
        "code": 0,
        "data": {"records": [
            {"newsId": 9, "link": "https://news.example/1", "title": "一", "content": "", "summary": TEXT,
             "publishTime": int(AT.timestamp() * 1000)},
        ]},
    }  # fmt: skip
    (item,) = parse(orjson.dumps(body), mapping=FieldMap.parse(MAP))
    assert (item.guid, item.url, item.text, item.published) == ("9", "https://news.example/1", TEXT, AT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("url: a\ntitle: b\ntime: c\nphone: d", "phone"),
        ("url: a\ntitle: b", "time"),
        ("title: b\ntime: c", "url 或 guid"),
        ("url: a..b\ntitle: b\ntime: c", "路径"),
        ("url: a\ntitle: b\ntime: c\ntime_unit: years", "time_unit"),
        ("- a", "路径"),
        ("url: [", "YAML"),
        # No object is made of a tag: what is left of it is an empty map.
        ("url: !!python/object:os.system {}\ntitle: b\ntime: c", "url 或 guid"),
    ],
)
def test_bad_maps_are_refused(text: str, words: str) -> None:
    with pytest.raises(FeedRefused, match=words):
        FieldMap.parse(text)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2026-11-25 09:30:00", AT), ("2026/11/25 09:30", AT), ("2026-11-25T01:30:00Z", AT),
        (int(AT.timestamp()), AT), (str(int(AT.timestamp())), AT), ("昨天", None), (None, None), (True, None),
        ("9" * 400, None), (10**30, None), ({}, None), ("20261125093000", AT), (20261125093000, AT),
        ("20261125", datetime(2026, 11, 24, 16, tzinfo=UTC)), ("20261399", None), (0, None), ("0", None),
        ("1970-01-01 08:00:00", None), (float("nan"), None),
        (AT.timestamp() + 0.125, AT + timedelta(seconds=0.125)), (f"{AT.timestamp():.1f}", AT),
        ("202611250930", AT), (202611250930, AT), ("2026年11月25日", AT.replace(day=24, hour=16, minute=0)),
        ("2026年11月25日 09:30", AT), ("2026年11月25日 星期三 09时30分", AT),
        ("2026-11-25（周三） 09:30", AT),
        ("2026年11月25日 上午9:30", AT), ("2026.11.25 09:30", AT), ("2026-11-25 09:30:00.0", AT),
        ("Wed, 25 Nov 2026 09:30:00", AT), ("Wed, 25 Nov 2026 01:30:00 GMT", AT),
        ("Wed, 25 Nov 2026 09:30:00 CST", AT), ("Wed Nov 25 09:30:00 CST 2026", AT),
        ("Wednesday, 25-Nov-26 01:30:00 UTC", AT), ("25 November 2026 09:30:00 +08:00", AT),
        ("Wed Nov 25 2026 09:30:00 GMT+0800 (中国标准时间)", AT), ("Nov 25, 2026 9:30:00 a.m.", AT),
        ("Tue, 24 Nov 2026 20:30:00 EST", AT), ("Tue, 24 Nov 2026 19:30 -0600", AT),
        ("星期三, 25 十一月 2026 09:30:00 +0800", AT), ("周三, 25 11月 2026 09:30:00 +0800", AT),
        ("2026-11-25 01:30:00 UTC", AT), ("2026-11-25 12:30 AM", datetime(2026, 11, 24, 16, 30, tzinfo=UTC)),
        ("Wed, 25 Nov 2026 09:30:00 MOON", None), ("25 Nov", None), ("Wed, 31 Nov 2026 09:30:00 GMT", None),
        ("Wed, 25 Nov 2026 09:30:00 +9900", None), ("4102444800", None), ("2026" * 100, None),
    ],
)  # fmt: skip
def test_moments(said: object, found: datetime | None) -> None:
    assert moment(said) == found


@pytest.mark.parametrize(
    "said",
    ["2026-11-25 09:30:00", "2026-11-25T09:30:00", "2026/11/25 09:30:00", "2026年11月25日 09:30",
     "20261125093000", "Wed, 25 Nov 2026 09:30:00", "Wed, 25 Nov 2026 09:30:00 CST",
     "Wed, 25 Nov 2026 01:30:00 GMT"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["rss", "dc", "atom"])
def test_a_feed_means_beijings_time_unless_it_writes_another(form: str, said: str) -> None:
    feed = {
        "rss": '<rss version="2.0"><channel><item><title>一</title>'
        f"<pubDate>{said}</pubDate></item></channel></rss>",
        "dc": '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><item><title>一</title>'
        f"<dc:date>{said}</dc:date></item></channel></rss>",
        "atom": '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>一</title>'
        f"<published>昨天</published><updated>{said}</updated></entry></feed>",
    }[form]
    assert [item.published for item in parse(feed.encode())] == [AT]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("a &lt; b", "a < b"), ("<p>一</p><p>二<br>三</p>", "一\n二\n三"), ("<style>x{}</style>一", "一"),
        ("一\x00\ud800二", "一二"), ("　　一  二", "一 二"), ("1 < 2", "1 < 2"), ("<!-- x -->一", "一"),
    ],
)  # fmt: skip
def test_plain(said: str, found: str) -> None:
    assert plain(said) == found


@pytest.mark.parametrize("value", ["javascript:alert(1)", "file:///etc/passwd", "", None, "//x", 7])
def test_only_web_addresses(value: object) -> None:
    assert web_address(value) is None


@pytest.mark.parametrize("blank", ["\u2003", "\u2028", "\x1f", "\n", " \n\u2003"])
def test_blanks_of_any_number_are_read_once(blank: str) -> None:
    """What walks them anew from each holds the interpreter, and with it the whole process, for minutes."""
    started = time.process_time()
    assert plain(f"一{blank * 60_000}\n二") == "一\n二"
    assert time.process_time() - started < 10


@pytest.mark.parametrize("said", ["a" + "." * 150_000 + " b", "/" * 150_000 + " b", "." * 150_000 + "\n."])
def test_an_address_of_any_length_is_read_once(said: str) -> None:
    started = time.process_time()
    assert web_address(said, BASE) is None
    assert _RELATIVE.fullmatch(said) is None
    assert time.process_time() - started < 10


BASE = "https://news.example/feeds/list.xml?n=9"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("/1.html", "https://news.example/1.html"), ("1.html", "https://news.example/feeds/1.html"),
        ("?id=1", "https://news.example/feeds/list.xml?id=1"), ("//other.example/1", "https://other.example/1"),
        ("../a/1", "https://news.example/a/1"), ("http://x.example/1", "http://x.example/1"),
        ("77", None), ("#top", None), ("", None), ("javascript:alert(1)//", None), ("tag:a,2026:/1", None),
        ("www.other.example/1", None), ("//[", None), ("见 a.html", None), (7, None),
    ],
)  # fmt: skip
def test_addresses_from_where_the_feed_came_from(said: object, found: str | None) -> None:
    assert web_address(said, BASE) == found


BASED = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://x.example/a/"><entry><title>一</title>
<link href="1"/></entry></feed>"""
RELATIVE = """<rss version="2.0"><channel><item><title>一</title>{}</item></channel></rss>"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (RELATIVE.format("<link>/1</link><guid>77</guid>"), ("https://news.example/1", True)),
        (RELATIVE.format("<guid>/1</guid>"), ("https://news.example/1", True)),
        (RELATIVE.format("<guid>a.b/77</guid>"), (None, False)),
        (RELATIVE.format("<link>/1</link><guid>https://x.example/1</guid>"), ("https://x.example/1", False)),
        (BASED, ("https://x.example/a/1", False)),
        (RELATIVE.format("<link>/</link>"), (None, False)),
        (RELATIVE.format("<link>?</link>"), (None, False)),
        (RELATIVE.format("<link>N/A</link>"), (None, False)),
        (RELATIVE.format("<link>暂无.</link>"), (None, False)),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "7/7", "url": "/1"}]}',
            ("https://news.example/1", True),
        ),
    ],
)
def test_relative_links(body: str, found: tuple[str | None, bool]) -> None:
    (item,) = parse(body.encode(), base=BASE)
    assert (item.url, item.relative) == found


def test_a_vendors_relative_links() -> None:
    (item,) = parse(
        b'[{"u": "/1", "t": "x"}]', mapping=FieldMap.parse("url: u\ntitle: t\ntime: t"), base=BASE
    )
    assert (item.url, item.relative) == ("https://news.example/1", True)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_an_article_without_its_menus(encoding: str) -> None:
    menu = "".join(f'<li><a href="/{n}">栏目{n}</a></li>' for n in range(30))
    paragraphs = "".join(f"<p>第{n}段：{TEXT}记者在现场看到，水面漂着油污，气味刺鼻。</p>" for n in range(5))
    page = f"""<html><head><meta charset="gb2312"><title>河道</title></head><body><nav><ul>{menu}</ul></nav>
    <article><h1>河道渣土</h1>{paragraphs}</article><footer>版权所有</footer></body></html>"""
    found = readable(page.encode(encoding), "text/html")
    assert found.count(TEXT) == 5
    assert "栏目" not in found


def test_a_page_with_nothing_to_read() -> None:
    assert readable(b"") == ""
