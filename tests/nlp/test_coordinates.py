"""Coordinates of the map services, against pairs that are published with the formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.coordinates import Crs, crs_of, gcj_to_bd, to_wgs84, wgs_to_gcj

#: (WGS-84, GCJ-02), lon and lat: the test values of eviltransform and coordtransform.
PAIRS = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
]
#: (BD-09, GCJ-02): the examples of coordtransform.
BAIDU = [((116.41036949371029, 39.92133699351022), (116.404, 39.915))]


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_gcj_both_ways(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert wgs_to_gcj(*wgs) == pytest.approx(gcj, abs=1e-9)
    assert to_wgs84(*gcj, Crs.GCJ02) == pytest.approx(wgs, abs=1e-8)


@pytest.mark.parametrize(("bd", "gcj"), BAIDU)
def test_bd_is_gcj_shifted(bd: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert gcj_to_bd(*gcj) == pytest.approx(bd, abs=1e-9)
    assert to_wgs84(*bd, Crs.BD09) == pytest.approx(to_wgs84(*gcj, Crs.GCJ02), abs=1e-8)


IN_BEIJING = (st.floats(115.4, 117.5), st.floats(39.4, 41.1))


@given(*IN_BEIJING)
def test_no_precision_is_lost(lon: float, lat: float) -> None:
    assert to_wgs84(*wgs_to_gcj(lon, lat), Crs.GCJ02) == pytest.approx((lon, lat), abs=1e-8)
    assert to_wgs84(*gcj_to_bd(*wgs_to_gcj(lon, lat)), Crs.BD09) == pytest.approx((lon, lat), abs=1e-8)
    assert to_wgs84(lon, lat, Crs.WGS84) == (lon, lat)


def test_outside_china_nothing_is_shifted() -> None:
    assert wgs_to_gcj(-0.1278, 51.5074) == (-0.1278, 51.5074)


@pytest.mark.parametrize("written", ["GCJ-02", "gcj02", " Gcj_02 "])
def test_systems_are_known_by_their_spellings(written: str) -> None:
    assert crs_of(written) is Crs.GCJ02


def test_an_unknown_system_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="WGS-84、GCJ-02、BD-09"):
        crs_of("北京54")
