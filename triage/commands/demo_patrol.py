"""Reports of officers in the demo (巡查上报): written by us, as the page sends them. A worker reads them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from models.vocab import Post
from models.vocab_staff import Role
from triage.rules import access
from triage.rules.calendar import beijing
from triage.rules.moves import Actor
from triage.services import attachments
from triage.services.attachments import FileLimits, Upload
from triage.services.moving import Person
from triage.services.patrol import reporting
from triage.services.patrol.form import Report
from triage.services.patrol.reporting import Photos
from triage.wiring import open_files

if TYPE_CHECKING:
    from triage.services.attachments import Prepared
    from triage.services.deps import Deps

_NAME: Final = "演示巡查员"
_LIMITS: Final = FileLimits(1, 1, 1)
_SIZE: Final = (320, 240)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an officer of a unit found; `note`: what they did on the spot."""

    unit: str
    text: str
    place: str
    note: str | None = None


_STREET: Final = "110105026"
SCENES: Final = (
    Scene(
        _STREET, "巡查看到路边花坛旁堆了一大堆生活垃圾，没有人清运，已经发臭。",
        "望京街道望京西路公交站旁", "已通知保洁当场清走垃圾一车，地面冲洗干净。",
    ),
    Scene(_STREET, "巡查看到沿街小饭馆往雨水口倒泔水，地上一层油，气味难闻。", "望京街道花家地街北侧"),
    Scene(
        _STREET, "巡查看到河道排口往外流黑水，有臭味，不知道是从哪里来的。", "望京街道北小河公园东门外",
    ),
)  # fmt: skip


async def report(deps: Deps) -> int:
    """Report what is not reported yet. Gives how many scenes there are."""
    files, store = _photos(), open_files(deps.settings)
    hashes = tuple(await attachments.store_all(store, files))
    for number, scene in enumerate(SCENES, start=1):
        now = deps.clock.now()
        login = f"demo.patrol.{scene.unit}"
        viewer = access.viewer(
            deps.tables, login=login, name=_NAME, roles=[Role.STREET], unit_code=scene.unit,
            at=beijing(now).date(),
        )  # fmt: skip
        unit = deps.tables.units[scene.unit]
        who = Person(Actor(Post.UNIT, scene.unit, login), f"{unit.name} {_NAME}")
        before, after = files[:1], files[1:] if scene.note else ()
        photos = Photos(before, hashes[:1], after, hashes[1:] if scene.note else ())
        wish = Report(f"demo-patrol-{number}", scene.text, scene.place, scene.note)
        async with deps.db.writes.begin() as session:
            await reporting.report(session, deps, viewer, wish, who, photos=photos, now=now)
    return len(SCENES)


def _photos() -> tuple[Prepared, ...]:
    """Two drawn pictures, before and after: nobody's photo."""
    made = []
    for name, heap in (("现场照片 1", True), ("处理后照片 1", False)):
        image = Image.new("RGB", _SIZE, (200, 210, 215))
        drawing = ImageDraw.Draw(image)
        drawing.rectangle((0, 150, *_SIZE), fill=(150, 150, 145))
        if heap:
            drawing.polygon(((90, 190), (150, 100), (230, 190)), fill=(90, 80, 60))
        out = BytesIO()
        image.save(out, "PNG")
        made.append(attachments.prepare(Upload(name, out.getvalue()), _LIMITS))
    return tuple(made)
