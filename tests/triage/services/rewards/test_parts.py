"""约定的份额: proportions that a person typed, none so large or so small that nothing can be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER
from triage.errors import BadInput
from triage.rules.rewards.stepping import StepRefused

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_a_part_has_at_most_six_digits(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    with pytest.raises(BadInput, match="每份不能超过 999999"):
        await bed.state(lite, reporters=2, parts=(10**30, 1))
    await bed.state(lite, reporters=2, parts=(999_999, 1))


async def test_a_part_of_nothing_is_not_verified(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025", reporters=2, parts=(999_999, 1))
    with pytest.raises(StepRefused, match="第 2 份不足 1 分钱"):
        await bed.do(lite, HANDLER, RewardAct.VERIFY)
