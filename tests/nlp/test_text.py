"""Folding keeps offsets; masking hides what identifies and nothing else; cutting gives true offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import look_alikes
from nlp.text import cut, mask_identity, normalize


def test_normalize_folds_width_and_case() -> None:
    assert normalize("ＫＴＶ　１２３ＡｂＣ") == "ktv 123abc"


def test_normalize_keeps_line_breaks_and_drops_control_characters() -> None:
    assert normalize("甲\n乙\x00丙\t丁") == "甲\n乙 丙 丁"


@given(st.text())
def test_normalize_keeps_the_length(text: str) -> None:
    assert len(normalize(text)) == len(text)


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("电话13800000000请回", "电话[手机号]请回"),
        ("138 0000 0000", "[手机号]"),
        ("138-0000-0000", "[手机号]"),
        ("138.0000.0000", "[手机号]"),
        ("+86 13800000000", "[手机号]"),
        ("008613800000000", "[手机号]"),
        ("(+86)13800000000", "[手机号]"),
        ("１３８００００００００", "[手机号]"),
        ("1 3 8 0 0 0 0 0 0 0 0", "[手机号]"),
        ("手机幺三八零零零零零零零零", "手机[手机号]"),
        ("座机010-66660000转12", "座机[电话号]"),
        ("(010)66660000", "[电话号]"),
        ("电话66660000(日)/66660001(夜)", "电话[电话号](日)/[电话号](夜)"),
        ("电话66660000、66660001、66660002", "电话[电话号]、[电话号]、[电话号]"),
        ("单位电话是66660000.没人接", "单位电话是[电话号].没人接"),
        ("电话0431——8666000", "电话[电话号]"),
        ("0431-8666000", "[电话号]"),
        ("联系电话66660000", "联系电话[电话号]"),
        ("证件11010119900307003X", "证件[身份证号]"),
        ("身份证号110101900307123", "身份证号[身份证号]"),
        ("卡号6222 0200 0000 0000 000", "卡号[银行卡号]"),
        ("打到4111111111111111", "打到[银行卡号]"),
        ("邮箱a.b-c@example.com，谢谢", "邮箱[邮箱]，谢谢"),
        ("车牌京A12345", "车牌[车牌号]"),
        ("京AD12345绿牌", "[车牌号]绿牌"),
        ("京Ａ·12345", "[车牌号]"),
        ("电话13800000000或13900000000", "电话[手机号]或[手机号]"),
        ("请回电13800000001谢谢", "请回电[手机号]谢谢"),
        ("138 0000 0001", "[手机号]"),
        ("138-0000-0001", "[手机号]"),
        ("+86 13800000001", "[手机号]"),
        ("１３８００００００01", "[手机号]"),
        ("座机010-65550000转8001", "座机[电话号]"),
        ("身份证号999999199001011234", "身份证号[身份证号]"),
        ("一三九 八七六五 四三二一", "[手机号]"),
        ("我电话一三九，八七六五，四三二一", "我电话[手机号]"),
        ("打一三九八七六五四三二一一直没人接", "打[手机号]一直没人接"),
        ("139八七六五4321", "[手机号]"),
        ("壹叁玖捌柒陆伍肆叁贰壹", "[手机号]"),
        ("幺 三 九 八 七 六 五 四 三 二 幺", "[手机号]"),
        ("13987654321一三九八七六五四三二一", "[手机号][手机号]"),
        ("家里电话是六四一二三四五六", "家里电话是[电话号]"),
        ("座机六四一二，三四五六，白天没人", "座机[电话号]，白天没人"),
        ("电话零幺零六四一二三四五六", "电话[电话号]"),
        ("身份证一一零一零五一九九零零三零七一二三四", "身份证[身份证号]"),
        ("身份证号一一零一零五 一九九零零三零七 一二三叉", "身份证号[身份证号]"),
        ("身份证一一零一零五九零零三零七一二三", "身份证[身份证号]"),
        ("电话139\n8765\n4321，谢谢", "电话[手机号]，谢谢"),
        ("电话139  8765   4321", "电话[手机号]"),
        ("电话139 - 8765 - 4321", "电话[手机号]"),
        ("139 87 65 43 21", "[手机号]"),
        ("手机13987\n654321", "手机[手机号]"),
        ("工单号13987654321", "工单号[手机号]"),
        ("身份证号码：110105-19900307-1234", "身份证号码：[身份证号]"),
        ("身份证110105 1990 0307 1234", "身份证[身份证号]"),
        ("护照E12345678，港澳通行证号C1234567", "护照[证件号]，港澳通行证号[证件号]"),
        ("微信号：wang_wei88", "微信号：[微信号]"),
        ("加我微信wang_wei88联系", "加我微信[微信号]联系"),
        ("微信：zhangsan", "微信：[微信号]"),
        ("vx:lisi2026", "vx:[微信号]"),
        ("ＱＱ：123456789", "ＱＱ：[QQ号]"),
        ("客服400-810-1234", "客服[电话号]"),
        ("拨打4008101234无人接", "拨打[电话号]无人接"),
        ("香港+852 91234567", "香港[电话号]"),
        ("京 A 12345", "[车牌号]"),
        ("电话010－6234－5678", "电话[电话号]"),
        ("010-6234 5678", "[电话号]"),
        ("发邮件到nobody@example.com", "发邮件到[邮箱]"),
        ("车牌京A12345冒黑烟", "车牌[车牌号]冒黑烟"),
        ("139/8765/4321", "[手机号]"),
        ("139_8765_4321", "[手机号]"),
        ("电话139/2456/4321", "电话[手机号]"),
        ("①3⑨87654321", "[手机号]"),
        ("139−8765−4321", "[手机号]"),
        ("13987\u2028654321", "[手机号]"),
        ("\u202a139 8765 4321\u202c", "\u202a[手机号]\u202c"),
        ("𝟏𝟑𝟗𝟖𝟕𝟔𝟓𝟒𝟑𝟐𝟏", "[手机号]"),
        ("१३९८७६५४३२१", "[手机号]"),
        ("①③⑨87654321", "[手机号]"),
        ("电话❶❸❾⑧⑦⑥⑤④③②①", "电话[手机号]"),
        ("电话①13987654321②13800000000", "电话①[手机号]②[手机号]"),
        ("身份证110105—19900307—1234", "身份证[身份证号]"),
        ("卡号6222–0200–0000–0000–000", "卡号[银行卡号]"),
        ("京A\u201112345", "[车牌号]"),
    ],
)
def test_masks(said: str, masked: str) -> None:
    assert mask_identity(said) == masked


@pytest.mark.parametrize("mark", "\xad\u2002\u2009\u200d\u2010\u2011\u202f\u2060\u2212\u2028")
def test_what_word_and_telephones_write_between_the_groups_of_a_number(mark: str) -> None:
    for groups, masked in (
        (("139", "8765", "4321"), "[手机号]"),
        (("010", "66660000"), "[电话号]"),
        (("110105", "19900307", "1234"), "[身份证号]"),
    ):
        assert mask_identity(f"号码{mark.join(groups)}。") == f"号码{masked}。"


@given(st.text())
def test_what_looks_alike_is_one_character_for_one(text: str) -> None:
    seen = text.translate(look_alikes.TABLE).translate(look_alikes.RINGED)
    assert len(seen) == len(text)
    assert {len(one) for table in (look_alikes.TABLE, look_alikes.RINGED) for one in table.values()} == {1}


@pytest.mark.parametrize(
    "said",
    [
        "已隐去[手机号]和[身份证号]",
        "订单号20231123456789012345",
        "工单号8613800000000",
        "编号sh-13800000000",
        "订单金额4008101234元",
        "坐139路、150路或一三九路公交车",
        "热线一二三四五，电话打不通",
        "电话三四五六号楼的都打了七八次",
        "身份证复印了一二三四五六七八九十份",
        "编号六四一二三四五六",
        "一三五、二四六八、三四五六号楼都停水",
        "一、三、五、七、九、十一、十二号楼",
        "二〇二六年一月三日，一九九八年建成",
        "共150户\n20180512起停水",
        "第13\n26条",
        "微信群里123456人说了，微信支付wechat",
        "用微信扫码，weixin小程序",
        "护照办理，护照要等20天",
        "关注QQ群",
        "京 AB 楼，新 A 区 3 号",
        "噪声+85分贝",
        "400-800米范围",
        "010号楼",
        "拨打12345热线",
        "噪声67.1分贝，2018年4月29日19点",
        "坐标116.12345678",
        "面积76884.26平方米",
        "3号楼2单元1201",
        "2023-11-23 10:20",
        "共150 2018-05-12",
        "已经投诉12345三次",
        "打12369没人接",
        "工单编号20261123000123",
        "2026年11月23日",
        "3号楼2单元501",
        "从22点到凌晨3点",
        "①噪声②油烟③1月5日④12345",
        "现场150/120/130毫克，2026/11/23",
        "案号150/2026/1129",
        "编号：138_2026_0001",
        "文号138/8765/4321",
        "http://x.cn/p/139/2026/1129",
        "https://x.cn/a_139_8765_4321",
        "现场150/2026/1129处",
        "户号①3801234567",
        "反映①5012345678号表箱②电话打不通",
        "1〜2楼—3楼–4楼",
        "100m²，10³个",
        "[手机号]",
        "",
    ],
)
def test_leaves_alone(said: str) -> None:
    assert mask_identity(said) == said


def test_a_wrong_check_digit_is_masked_but_an_order_number_is_not() -> None:
    assert mask_identity("本人110101199001011234") == "本人[身份证号]"
    assert mask_identity("流水110101199001011234") == "流水110101199001011234"


@given(
    st.text(alphabet="0123456789 -+()\n京沪aAbB@.:电话卡号微信qQ护照xX〇一三八①③⑧\u2011\u2009/", max_size=60)
)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask_identity(text)
    assert mask_identity(once) == once


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_mobile_number_between_words_never_survives(before: str, after: str) -> None:
    said = f"{before}，手机13800000000，{after}"
    assert "13800000000" not in mask_identity(said)


def test_long_hostile_texts_stay_linear() -> None:
    for piece in (
        "1",
        "13800000000 ",
        "a",
        "京a",
        "4 ",
        "66660000 ",
        "a@",
        "一",
        "1 \n",
        "微信",
        "qq",
        "护照:",
        "电话六",
        "身份证一",
        "我姓孙，叫孙",
        "您好，我是孙",
        "住三单元六零",
        "我们是住户门101、101",
        "①",
        "\u2011",
    ):
        assert mask_identity(piece * (100_000 // len(piece))) is not None


def test_cut_gives_words_with_their_offsets() -> None:
    words = cut("工地夜间施工ＫＴＶ噪音扰民")
    assert [word for word, _, _ in words] == ["工地", "夜间施工", "ktv", "噪音扰民"]


def test_cutting_keeps_the_terms_of_the_field_whole() -> None:
    words = {word for word, _, _ in cut("黑臭水体旁边有人露天烧烤，还有餐饮油烟")}
    assert words >= {"黑臭水体", "露天烧烤", "餐饮油烟"}


@given(st.text(max_size=80))
def test_cut_loses_nothing(text: str) -> None:
    words = cut(text)
    assert "".join(word for word, _, _ in words) == normalize(text)
    assert [normalize(text)[start:end] for _, start, end in words] == [word for word, _, _ in words]
