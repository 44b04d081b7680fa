"""导出审计台账: entries as lines of JSON (whole: others can follow the chain) or as a CSV for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from connectors import office_csv
from models.ledger import CHAINED
from models.vocab import Channel
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_signin import Way
from triage.clock import local

if TYPE_CHECKING:
    from models.ledger import LedgerRow

FORMATS: Final = ("jsonl", "csv")
_HEAD: Final = (
    "序号",
    "时间",
    "人员",
    "来自",
    "动作",
    "对象",
    "对象编号",
    "工单编号",
    "原值",
    "新值",
    "理由",
    "其他",
    "哈希",
)
_ACTS: Final = {act.value: act.label for act in LedgerAct}
_KINDS: Final = {kind.value: kind.label for kind in SubjectKind}


#: Names of facts in words; one of another version stands as it is.
FACTS: Final = dict(
    pair.split(" ")
    for line in (
        "field 项,reason 理由,rows 行数,values 个数,unopened 打不开,first 从第几行,last 到第几行,before 早于",
        "parts 删去,added_words 追加的话,format 格式,who 人员,case 工单,act 动作,kind 种类,since 从,until 到",
        "subject 对象,medium 渠道,credentials 凭据,on 启用,always 以后都这样,notices 通知数,appeals 诉求数",
        "code 代码,row 条目,version 版本,kept 另存,other 另一个,files 附件数,share 第几份,payments 支付笔数",
        "way 方式,second_factor 动态验证码,why 原因,reset 重置,removed 取消,did 做法,session 会话,token 令牌",
        "days 天数,scopes 范围,request 申请,asked_by 申请人,void 作废,linked 统一认证,what 内容,move 办理",
        "tickets 工单数,post 身份,undoes 撤销的批次,ids 编号,into 并入,appeal 诉求,lines 条数,provider 服务",
        "call 通话,ring 密钥环,ruleset 规则,exclusions 不予奖励情形,insider 内部人员,reporters 举报人数",
        "rewarded_before 曾获奖励,reoffended 再次违法,pick_fen 选定金额(分),reference 业务编号,unit 单位",
        "reminders 催办数,erased 删除身份数,sessions 会话数,bank 银行答复,payment 支付流水号",
        "demo 演示,enabled 启用,granted 授予,withdrawn 收回,from 起,to 止,unlocked 解锁,filters 条件",
        "remark 备注号,audience 备注对象,source 来源,rewards 记为已付的奖励,order 平台编号,action 动作号",
        "channel 受理渠道,number 平台编号,anonymous 匿名,confidential 保密,failed 处理失败的诉求",
        "registered 登记的诉求,answered 已当场答复,handled 已当场处理",
        "found 查到件数,more 还有更多,registering 登记时",
        "files_missing 缺的附件数,verified 试恢复过",
    )
    for pair in line.split(",")
)
_VALUES: Final = (
    {channel.value: channel.label for channel in Channel}
    | {field.value: field.label for field in IdentityField}
    | {way.value: way.label for way in Way}
    | {True: "是", False: "否", "yes": "是", "no": "否", "all": "全部"}
)


def act_label(act: str) -> str:
    """The words for an act; an act of another version as it stands."""
    return _ACTS.get(act, act)


def kind_label(kind: str) -> str:
    """The words for a kind of subject."""
    return _KINDS.get(kind, kind)


def head(form: str) -> str:
    """What stands before the entries: a header with the mark that spreadsheets want, or nothing."""
    return office_csv.MARK + office_csv.line(_HEAD) if form == "csv" else ""


def line(row: LedgerRow, form: str) -> str:
    """One entry, its line break included."""
    if form == "jsonl":
        told = {name: getattr(row, name) for name in CHAINED}
        told |= {"previous": row.previous.hex(), "hash": row.hash.hex()}
        return orjson.dumps(told).decode() + "\n"
    return office_csv.line(
        (
            str(row.seq), local(row.at).strftime("%Y-%m-%d %H:%M:%S"), row.who, row.origin or "",
            act_label(row.act), kind_label(row.subject_kind), row.subject, row.case_no or "", row.old or "",
            row.new or "", row.reason or "", facts(row), row.hash.hex(),
        )
    )  # fmt: skip


def facts(row: LedgerRow) -> str:
    """The further facts in one line."""
    return "；".join(
        f"{FACTS.get(name, name)}：{'、'.join(map(_said, value if isinstance(value, list) else [value]))}"
        for name, value in row.detail.items()
        if value is not None
    )


def _said(value: str | int | bool) -> str:  # noqa: FBT001  (a value of JSON)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(_VALUES.get(value, value))
