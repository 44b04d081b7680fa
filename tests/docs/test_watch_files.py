"""ops/: each figure that a board or an alert names is there, and Prometheus can read each expression."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from triage.metrics import (
    APPEALS,
    CLERK_DISPATCH,
    CONFIDENCE,
    DISPATCH_DELAY,
    JOBS,
    OWN,
    REMINDERS,
    REQUESTS,
    SNAPSHOT,
    STEPS,
    names,
)
from triage.services.watch import port

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
BOARD: dict[str, Any] = json.loads((OPS / "grafana" / "jiesu.json").read_text())
RULES = yaml.safe_load((OPS / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
SHOWN = {target["expr"] for panel in BOARD["panels"] for target in panel["targets"]}
ALERTED = {rule["alert"]: rule["expr"] for rule in RULES}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def named(expression: str) -> set[str]:
    """The series that an expression asks for."""
    return set(re.findall(r"\b(?:jiesu|process)_[a-z_]+", expression))


@pytest.mark.parametrize("expression", sorted(SHOWN | set(ALERTED.values())))
def test_each_expression_is_read_and_names_what_is_there(expression: str) -> None:
    promql_parser.parse(expression)
    assert named(expression) <= names()
    assert named(expression) or expression.startswith("absent(up")


def test_a_wrong_one_would_be_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum by (le jiesu_x")
    assert not named("max(jiesu_no_such)") <= names()


def test_whatever_the_database_tells_is_on_the_board() -> None:
    shown = set().union(*(named(expression) for expression in SHOWN))
    assert (set(SNAPSHOT) | set(OWN)) <= shown


def test_each_alert_says_what_to_do_and_how_bad_it_is() -> None:
    assert len(ALERTED) == len(RULES)
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "warn"}
    assert all(rule["annotations"]["summary"] and rule["for"] for rule in RULES)


#: Labels that Prometheus gives each series itself, and the series that every web process tells alike.
TARGET = {"job", "instance"}
ALIKE = set(SNAPSHOT) | {"jiesu_snapshot_age_seconds"}


def test_the_page_counts_them() -> None:
    assert f"({len(RULES)} rules," in (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")


def test_a_house_that_was_never_backed_up_is_told() -> None:
    assert "absent(jiesu_backup_age_seconds)" in ALERTED["JiesuBackupOld"]
    assert "absent(jiesu_backup_verified_age_seconds)" in ALERTED["JiesuBackupUnproved"]


def test_no_label_of_ours_is_prometheus_own() -> None:
    counted = {
        label
        for one in (REQUESTS, JOBS, STEPS, CONFIDENCE, APPEALS, REMINDERS, DISPATCH_DELAY, CLERK_DISPATCH)
        for label in one._labelnames
    }
    told = {label for _, labels in [*SNAPSHOT.values(), *OWN.values()] for label in labels}
    assert {"task", "step", "route"} <= counted
    assert not TARGET & (counted | told)


@pytest.mark.parametrize("expression", sorted(SHOWN | set(ALERTED.values())))
def test_figures_of_the_database_are_not_added_up(expression: str) -> None:
    assert not (re.search(r"\b(sum|count|avg)\b", expression) and named(expression) & ALIKE)


def test_both_sides_of_an_and_have_the_same_labels() -> None:
    """`max(x) and deriv(x)` never matches: one side has no labels, the other all of them."""
    halves = [half for one in ALERTED.values() for half in one.split(" and ") if " and " in one]
    assert halves
    assert all(half.strip().startswith(("max(", "min(", "sum(")) for half in halves)


def test_a_timetable_that_never_ran_is_told() -> None:
    assert "absent(jiesu_snapshot_age_seconds)" in ALERTED["JiesuTimetableStopped"]


def test_every_port_that_may_be_taken_is_scraped() -> None:
    scraped = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for one in scraped for group in one["static_configs"] for target in group["targets"]}
    first = int(COMPOSE["services"]["web"]["environment"]["JIESU_METRICS_PORT"])
    assert {f"127.0.0.1:{number}" for number in range(first, first + port.PORTS)} < targets


def test_panels_do_not_lie_on_each_other() -> None:
    boxes = [panel["gridPos"] for panel in BOARD["panels"]]
    cells = [
        (x, y)
        for box in boxes
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_compose_mounts_what_is_there_and_starts_it_only_when_asked() -> None:
    for name in ("prometheus", "grafana"):
        one = COMPOSE["services"][name]
        assert one["profiles"] == ["watch"]
        files = [COMPOSE["configs"][config["source"]]["file"] for config in one["configs"]]
        assert all((ROOT / file).exists() for file in files)
