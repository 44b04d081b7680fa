"""compose.yaml, the Dockerfile and .env.example agree with each other and with the commands there are."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from triage.cli import main
from triage.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("jiesu:")}


def test_each_process_has_a_command_that_is_there() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "relay", "timetable"}
    assert {one["command"][0] for one in OURS.values()} <= set(main.commands)


def test_all_processes_have_one_place_for_files_and_may_write_there() -> None:
    (folder,) = re.findall("^ENV JIESU_DATA_DIR=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [one["volumes"] for one in OURS.values()] == [[f"data:{folder}"]] * len(OURS)
    assert f"-o jiesu -m 700 {folder}\n" in (ROOT / "Dockerfile").read_text()


def test_what_must_be_set_stands_in_the_example_and_reaches_every_process() -> None:
    example = set(re.findall("^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    assert needed == {"POSTGRES_PASSWORD", "JIESU_VAULT_KEYS", "JIESU_REWARD_KEYS"}
    assert needed <= example
    known = {f"JIESU_{name.upper()}" for name in Settings.model_fields}
    given = [set(one["environment"]) for one in OURS.values()]
    assert set().union(*given) - {"OMP_NUM_THREADS"} <= known
    assert all({"JIESU_VAULT_KEYS", "JIESU_REWARD_KEYS"} <= names for names in given)
    assert [one["env_file"] for one in OURS.values()] == [[".env"]] * len(OURS)
