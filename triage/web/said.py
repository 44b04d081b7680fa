"""What the ticket's page says was just done, once, by the word in its address (`?done=`). Web."""

from __future__ import annotations

from typing import Final

from models.vocab import Move

#: What is told after a move whose name is no verb.
_SAID: Final = {
    Move.CONTACT: "已记录首次联系。",
    Move.HANDLE: "已记录办理情况。",
    Move.PROGRESS: "已提交阶段反馈。",
    Move.AMEND: "已更正反馈；诉求人按编号看到的是更正后的，原来的留在记录里。",
    Move.SUPPLEMENT: "已退回补充，主办单位会收到通知；退错了可以撤销。",
    Move.OBJECT: "已提出派单异议。",
    Move.OBJECT_UPHOLD: "已判异议成立。",
    Move.OBJECT_REJECT: "已判异议不成立。",
    Move.ONSITE: "已记录到场。",
    Move.LEDGER_REVIEW: "已记录挂账复核。",
    Move.FOLLOW_UP: "已记录回访。",
    Move.WITHDRAW: "已记撤诉：派过单的，承办单位会收到通知；十分钟内可以撤销，归档以前都可以取消撤诉。",
    Move.TAKE_UP: "已取消撤诉，接着办理，时限照原来的计。",
    Move.ANSWER_NOW: "已当场答复，办结；留了电话或有查询码的诉求人按编号查得到这份答复。",
}
#: The same after what is no move.
_OTHERS: Final = {
    "picked": "已更正地点。",
    "same-place": "地点没有变：现在就是这里。",
    "confided": "已改为保密，从现在起只有热线和承办的人看得到；已记入审计台账。",
    "confided-before": "先前已改为保密，这次没有再记。",
    "amended-phone": "已更正电话：回访、回拨、来电查件和查进度都用新的；已记入审计台账。",
    "amended-name": "已更正姓名；已记入审计台账。",
    "remark": "已记下备注。",
    "remark-back": "已撤回备注：文字删掉了，留一行“已撤回”。",
    "call-after": "已约定：到时间以前回访台不再轮到它，到了排在最前。",
    "call-after-cleared": "已清除约定时间。",
    "keeper-take": "已记下：这张工单您来办。",
    "keeper-give": "已交给同事来办：他的“我经办的”里标“新”，打开后标记消失；系统不另外通知。",
    "keeper-let_go": "已放下：这张工单现在没有人经办。",
    "keeper-same": "经办人没有变。",
    "patrolled": "已上报。请核对识别的种类、地点；是本单位的已签收，已当场处理的已办结，十分钟内可以撤销。",
    "registered": "已登记。请核对机器的识别结果、承办单位，和列出的可能是同一件的事。",
    "registered-before": "先前提交的那次已登记成这张工单，这次改过的没有登记：请更正这张，或另行登记。",
}


def done(code: str) -> str | None:
    """The sentence for a word; None for one that nothing leads with."""
    if code in _OTHERS:
        return _OTHERS[code]
    return next((_SAID.get(move, f"已{move.label}。") for move in Move if move.value == code), None)
