"""Unlabelled pairs: what belongs together by itself, what does not, and nothing of a labelled text."""

from __future__ import annotations

from typing import Any

from nlp.repeats import PairReader
from nlp.training.pair_texts import Told, unlabelled

SEED = 5


def _row(place: str, trouble: str, answer: str = "") -> dict[str, Any]:
    text = (
        f"{place}附近{trouble}，影响周围居民已经有半个多月了，多次打电话没有结果，晚上没法开窗睡觉。"
        f"希望有关部门尽快派人到{place}现场查看，给出一个明确的处理时间，并告知大家以后由谁负责。"
        "附近住着不少老人和要高考的学生，大家都等着答复，也愿意到现场指认，谢谢。"
        f"再说一遍地点，就在{place}，不要再转到别的单位去了，我们已经被转了三次。"
        "第一次打电话是月初，第二次是上周，工号都记着，可以查录音，也可以到物业去问。"
    )
    return {"title": f"{place}{trouble}", "text": text, "reply": answer}


TEXTS = {
    "city|1": _row(
        "灯草塘柳芽巷",
        "半夜卸货噪音",
        "经查，灯草塘柳芽巷一家超市夜间卸货，已要求其改在上午七点之后进行，并安排人员复查，谢谢您的反映。",
    ),
    "city|2": {
        "title": "灯草塘荻花里污水井外溢",
        "text": "家住荻花里的老人来电：门口的窨井从初八起往外冒水，黑水流进车库，孩子上学要踩砖头过去。"
        "灯草塘这一片管子是老的，去年也堵过一回，当时疏通之后好了两个月，这次比去年更厉害，请换管。",
        "reply": "经查，灯草塘荻花里污水管道堵塞，已经疏通并清洗路面，下一步更换管道，施工期间请居民绕行。",
    },
    "city|3": _row("沙洲坝云蓝路", "垃圾没人收"),
    "media/x|4": _row("灯草塘白鹭洲", "半夜卸货噪音"),
    "city|5": _row("灯草塘柳芽巷", "渣土车扬尘"),
}


def made(labelled: set[str]) -> list[Told]:
    return unlabelled(TEXTS, labelled, PairReader.load(), SEED)


def test_a_title_and_its_text_and_an_answer_belong_together() -> None:
    sure = [pair for pair in made({"city|5"}) if pair.share == 1.0]
    titles = {pair.a: pair.b for pair in sure if len(pair.a) < 30}
    assert "柳芽巷" in titles[TEXTS["city|1"]["title"]]
    assert any("改在上午七点" in pair.b for pair in sure)


def test_a_title_beside_the_text_of_another_place_does_not() -> None:
    other = [pair for pair in made({"city|5"}) if pair.share < 0.25 and len(pair.a) < 30]
    assert any("柳芽巷" in pair.a and "荻花里" in pair.b for pair in other)


def test_labelled_texts_and_media_are_left_out() -> None:
    told = "".join(pair.a + pair.b for pair in made({"city|5", "city|3"}))
    assert "渣土车扬尘" not in told
    assert "沙洲坝" not in told
    assert "白鹭洲" not in told
    assert "柳芽巷半夜卸货噪音" in told


def test_what_a_labelled_text_says_is_left_out_under_another_id_too() -> None:
    texts = {**TEXTS, "city|9": TEXTS["city|1"]}
    told = unlabelled(texts, {"city|9"}, PairReader.load(), SEED)
    assert "柳芽巷半夜卸货噪音" not in "".join(pair.a + pair.b for pair in told)


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert made(set()) == made(set())
