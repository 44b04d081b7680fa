"""Where values stand that were sealed with the keys of rewards, for the rotation of those keys.

A test compares this list with the columns of the reward schema whose comment begins with "sealed".
"""

from __future__ import annotations

from typing import Final

from models.rewards import RewardPayment, RewardShare
from triage.services.identities.sealed_places import SealedPlace
from triage.services.rewards.claiming import place_of
from triage.services.rewards.paying import payee_of

PLACES: Final = (
    # In the order in which payments lock the parts: no rotation and no batch wait for each other.
    SealedPlace(
        RewardShare, ("reward_id", "number"), ("claimant",), lambda row, _: place_of(row["id"]),
        beside=("id",),
    ),
    SealedPlace(
        RewardPayment, ("id",), ("payee",), lambda row, _: payee_of(row["reference"]), beside=("reference",)
    ),
)  # fmt: skip
