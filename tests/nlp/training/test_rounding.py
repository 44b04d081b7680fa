"""Weights on steps: what is rounded, and that the layer's answers change less than by rounding each alone."""

from __future__ import annotations

import numpy as np
import pytest

from nlp.training.rounding import STEPS, rounded


def _layer(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (out, in) and inputs (rows, in) that move together, a few much larger than the others."""
    chance = np.random.default_rng(seed)
    mixed = chance.normal(size=(40, 12)) @ chance.normal(size=(12, 40)) + 0.3 * chance.normal(size=(40, 40))
    inputs = chance.normal(size=(750, 40)) @ mixed * np.where(np.arange(40) % 9 == 0, 12.0, 1.0)
    weights = chance.normal(size=(24, 40)) * np.exp(chance.normal(size=(1, 40)))
    return weights, inputs


def _steps(weights: np.ndarray) -> np.ndarray:
    steps: np.ndarray = np.abs(weights).max(1, keepdims=True) / STEPS
    return steps


@pytest.mark.parametrize("seed", range(5))
def test_every_weight_stands_on_a_step_of_its_row(seed: int) -> None:
    weights, inputs = _layer(seed)
    found = rounded(weights, inputs.T @ inputs)
    # The graph takes the step from what it is given: it must find the same one.
    np.testing.assert_allclose(_steps(found), _steps(weights))
    places = found / _steps(found)
    np.testing.assert_allclose(places, np.round(places), atol=1e-9)
    assert np.abs(places).max() == pytest.approx(STEPS)


@pytest.mark.parametrize("seed", range(5))
def test_the_answers_change_less_than_by_the_nearest_steps(seed: int) -> None:
    weights, inputs = _layer(seed)
    shown, others = inputs[:500], inputs[500:]
    nearest = np.round(weights / _steps(weights)) * _steps(weights)
    found = rounded(weights, shown.T @ shown)

    def changed(by: np.ndarray) -> float:
        return float(np.square(others @ (by - weights).T).mean())

    assert changed(found) < 0.5 * changed(nearest)


def test_inputs_that_never_come_are_rounded_to_the_nearest() -> None:
    weights, inputs = _layer(7)
    inputs[:, 3:] = 0.0
    found = rounded(weights, inputs.T @ inputs)
    nearest = np.round(weights / _steps(weights)) * _steps(weights)
    off = np.abs(found[:, 3:] - nearest[:, 3:]) / _steps(weights)
    # A row whose largest weight is among the first three may lose one step of another.
    assert np.isclose(off, 0.0).mean() > 0.99


def test_a_row_of_nothing_stays_nothing() -> None:
    weights, inputs = _layer(1)
    weights[4] = 0.0
    assert np.abs(rounded(weights, inputs.T @ inputs)[4]).max() < 1e-9
