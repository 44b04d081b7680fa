"""Who uses Jiesu under load, for the load tool (`locust`), which runs this file in an environment of its own.

Nothing of ours is imported: what these people know (addresses, sessions, keys, stages) stands in the JSON
file that `JIESU_LOAD_PLAN` names, written by `bench.load`. Whatever was answered is written to its `out`: for
each stage and request, how many, how many failed, and every time in milliseconds.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from locust import LoadTestShape, constant_throughput, events, task
from locust.contrib.fasthttp import FastHttpUser

if TYPE_CHECKING:
    from collections.abc import Callable

PLAN: Final[dict[str, Any]] = json.loads(Path(os.environ["JIESU_LOAD_PLAN"]).read_text(encoding="utf-8"))
HOSTS: Final[list[str]] = PLAN["hosts"]
_WORDS: Final = ("油烟", "噪声", "夜间施工", "垃圾", "污水", "扬尘", "异味", "劲松", "望京 噪声", "回龙观")
_DOINGS: Final = ("夜里施工噪声很大", "餐馆油烟直排", "垃圾堆积没人清运", "河水发黑有臭味", "工地扬尘漫天")
_ENDS: Final = ("请尽快处理。", "希望给个答复。", "孩子睡不着觉。", "已经反映过两次。")
_BUSY: Final = 409
#: What a page or a program is told that shall come again in a moment.
_CROWDED: Final = "现在用的人太多"

_started = time.monotonic()
_found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
_failed: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
#: Answered that it is crowded: told at once, with words, and meant to come again.
_refused: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
_told: list[str] = []
_moved: list[str] = []


def stage_now() -> str:
    """The stage that runs now."""
    spent = time.monotonic() - _started
    for name, seconds, _ in PLAN["stages"]:
        if spent < seconds:
            return str(name)
        spent -= seconds
    return str(PLAN["stages"][-1][0])


@events.init.add_listener
def _begin(**_: Any) -> None:  # noqa: ANN401  (whatever the tool passes)
    global _started  # noqa: PLW0603  (a clock that starts when the tool does)
    _started = time.monotonic()


@events.request.add_listener
def _answered(
    name: str, response_time: float, exception: BaseException | None, response: Any = None, **_: Any  # noqa: ANN401
) -> None:  # fmt: skip
    if exception is not None and _CROWDED in (getattr(response, "text", None) or ""):
        _refused[stage_now()][name] += 1
        return
    _found[stage_now()][name].append(response_time)
    if exception is not None:
        _failed[stage_now()][name][_plain(exception)] += 1


def _plain(exception: BaseException) -> str:
    """What failed, without the address: each ticket would be a line of its own."""
    return f"{type(exception).__name__}: {re.sub(r'URL .*?: ', '', str(exception))}"[:120]


@events.quitting.add_listener
def _written(**_: Any) -> None:  # noqa: ANN401
    kept = {"found": _found, "failed": _failed, "refused": _refused, "told": _told, "moved": _moved}
    Path(PLAN["out"]).write_text(json.dumps(kept), encoding="utf-8")


class Stages(LoadTestShape):
    """So many people in each stage, then the end."""

    def tick(self) -> tuple[int, float] | None:
        """How many there should be now."""
        spent = time.monotonic() - _started
        for _, seconds, people in PLAN["stages"]:
            if spent < seconds:
                return people, max(1.0, people / 5)
            spent -= seconds
        return None


def at_random(pace: float) -> Callable[[Person], float]:
    """Pauses as of people who know nothing of each other; in step, as they start, they come in waves."""

    def pause(_: Person) -> float:
        return random.expovariate(pace)

    return pause


class Person(FastHttpUser):
    """Somebody with a browser. Each goes to one of the web processes."""

    abstract = True
    host = HOSTS[0]
    who = ""

    def on_start(self) -> None:
        """Take a session of one's own and a web process; begin at a moment of one's own."""
        # The tool lets the others go on meanwhile.
        time.sleep(random.expovariate(PLAN["pace"]))
        self.me: dict[str, Any] = random.choice(PLAN[self.who])
        self.host = random.choice(HOSTS)
        self.client.base_url = self.host
        self.head = {"Cookie": f"jiesu_session={self.me['session']}", "Sec-Fetch-Site": "same-origin"}

    def get(self, path: str, name: str) -> Any:  # noqa: ANN401  (the tool's answer)
        """Ask for a page."""
        return self.client.get(path, name=name, headers=self.head, allow_redirects=False)


class Clerk(Person):
    """热线坐席: the list, a search, a ticket, the list's refresh."""

    who = "clerks"
    weight = 45
    wait_time = at_random(PLAN["pace"])

    @task(4)
    def looks_at_the_list(self) -> None:
        """The list as it is refreshed."""
        self.get("/desk/list", "GET 列表（刷新）")

    @task(2)
    def opens_the_list(self) -> None:
        """The whole page."""
        self.get("/desk", "GET 列表页")

    @task(2)
    def searches(self) -> None:
        """A word or two."""
        self.get(f"/desk?q={quote(random.choice(_WORDS))}", "GET 检索")

    @task(3)
    def opens_a_ticket(self) -> None:
        """One ticket."""
        self.get(f"/desk/tickets/{random.choice(PLAN['tickets'])}", "GET 工单页")

    @task(1)
    def reviews(self) -> None:
        """审核台."""
        self.get("/desk/review", "GET 审核台")


class Officer(Person):
    """街道承办人: the due list, a ticket, 签收."""

    who = "officers"
    weight = 30
    wait_time = at_random(PLAN["pace"])

    def on_start(self) -> None:
        """Know the token of one's own as well."""
        super().on_start()
        self.program = {"Authorization": f"Bearer {self.me['token']}"}
        self.open: list[str] = []

    @task(3)
    def looks_at_what_is_due(self) -> None:
        """到期清单."""
        self.get("/desk/due", "GET 到期清单")

    @task(3)
    def lists(self) -> None:
        """Own open tickets."""
        with self.client.get(
            "/api/v1/tickets?state=dispatched&limit=50", name="GET API 待签收", headers=self.program,
            catch_response=True,
        ) as answer:  # fmt: skip
            self.open = (
                [row["no"] for row in answer.json()["items"]] if answer.status_code == http.client.OK else []
            )

    @task(2)
    def signs(self) -> None:
        """签收 one of them; that another was faster is an answer like any other."""
        if not self.open:
            return
        no = self.open.pop(random.randrange(len(self.open)))
        moves = self.client.get(
            f"/api/v1/tickets/{no}/moves?post=unit&unit={self.me['unit']}",
            name="GET API 可做的",
            headers=self.program,
        )
        if moves.status_code != http.client.OK:
            return
        body = {
            "move": "sign", "version": moves.json()["version"],
            "as": {"post": "unit", "unit": self.me["unit_name"], "name": "甲"},
        }  # fmt: skip
        head = {**self.program, "Idempotency-Key": f"load-{random.getrandbits(60)}"}
        with self.client.post(
            f"/api/v1/tickets/{no}/moves", json=body, headers=head, name="POST API 签收", catch_response=True
        ) as answer:
            if answer.status_code == http.client.OK:
                _moved.append(no)
            elif answer.status_code in {_BUSY, http.client.UNPROCESSABLE_ENTITY}:
                answer.success()

    @task(1)
    def opens_the_map(self) -> None:
        """在办地图."""
        self.get("/desk/map", "GET 在办地图")


class Analyst(Person):
    """舆情分析员: trends and a chart."""

    who = "analysts"
    weight = 5
    wait_time = at_random(PLAN["pace"])

    @task(2)
    def opens_trends(self) -> None:
        """The page."""
        self.get("/desk/trends", "GET 趋势页")

    @task(2)
    def draws(self) -> None:
        """The charts."""
        self.get("/desk/trends/charts.json", "GET 图表数据")

    @task(1)
    def exports(self) -> None:
        """The list behind it."""
        self.get("/desk/signals", "GET 信号")


class Citizen(Person):
    """市民: the form's page and a case that cannot be opened without its phone."""

    who = "clerks"
    weight = 10
    wait_time = at_random(PLAN["pace"])

    def on_start(self) -> None:
        """Nobody who signed in."""
        super().on_start()
        self.head = {}

    @task(3)
    def opens_the_form(self) -> None:
        """我要诉求."""
        self.get("/citizen/report", "GET 公众填报页")

    @task(1)
    def looks_at_open_data(self) -> None:
        """数据开放."""
        self.get("/open", "GET 数据开放")


class Caller(Person):
    """A complaint that comes in: posted, and answered with its number."""

    who = "clerks"
    weight = 10
    wait_time = at_random(PLAN["intake_pace"])

    @task
    def complains(self) -> None:
        """One complaint, in words that no other has."""
        where, doing = random.choice(PLAN["places"]), random.choice(_DOINGS)
        said = f"{where}{random.randrange(1, 999)}号院{doing}，{random.choice(_ENDS)}"
        with self.client.post(
            "/open311/v2/requests.json", name="POST 诉求", catch_response=True,
            data={
                "api_key": PLAN["key"], "service_code": "NOI-01", "description": said,
                "attribute[OFTEN]": random.choice(("always", "daily", "once")),
                "address_string": where, "client_request_id": f"{random.getrandbits(80):x}",
            },
        ) as answer:  # fmt: skip
            if answer.status_code == http.client.OK:
                _told.append(answer.json()[0]["service_request_id"])


class Watcher(Person):
    """A page that is kept open: 实时更新 by server-sent events."""

    who = "clerks"
    weight = PLAN["watchers"]
    wait_time = constant_throughput(1)

    @task
    def listens(self) -> None:
        """Hold one line for twenty seconds; what is measured is the time to its first byte."""
        where = urlsplit(self.host)
        began, failure = time.perf_counter(), None
        line = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        try:
            line.request("GET", "/desk/changes", headers=self.head)
            answer = line.getresponse()
            spent = (time.perf_counter() - began) * 1000
            failure = None if answer.status == http.client.OK else RuntimeError(f"status {answer.status}")
            if failure is not None and _CROWDED in answer.read().decode(errors="replace"):
                _refused[stage_now()]["GET 实时更新（首字节）"] += 1
                return
            ends = time.monotonic() + 20
            while failure is None and time.monotonic() < ends and answer.readline():
                pass
        except OSError as error:
            spent, failure = (time.perf_counter() - began) * 1000, error  # type: ignore[assignment]
        finally:
            line.close()
        events.request.fire(
            request_type="GET", name="GET 实时更新（首字节）", response_time=spent, response_length=0,
            exception=failure, context={},
        )  # fmt: skip
