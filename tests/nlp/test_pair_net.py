"""Two texts read word by word: what each token knows of the other text, and what is left without the net."""

from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nlp import WEIGHTS
from nlp.encoder import LOWER, UPPER
from nlp.folder import WeightsError
from nlp.pair_net import ENCODER, GRAPH, RARITY, PairNet, marks_of
from nlp.repeats import CARD, NO_NET, WEIGHING, WEIGHTS_FILE, PairReader
from nlp.training.pair_samples import HELD, Sample, read_samples
from nlp.training.repeats import day_of, digest, read_beliefs, read_pairs

if TYPE_CHECKING:
    from pathlib import Path

RIVER = ("凉水河发臭", "凉水河旧宫桥段河水发黑发臭，夏天不敢开窗，请派人来看。")
AGAIN = ("旧宫桥下河水又臭了", "上个月反映过旧宫桥边凉水河的臭味，一直没人处理，现在更重了。")
ELSEWHERE = ("清河发臭", "清河上地桥段河水发黑发臭，夏天不敢开窗，请派人来看。")
WAGES = ("拖欠工资", "公司拖欠三个月工资不发，请帮忙要回工资。")

TEXTS = (RIVER, AGAIN, ELSEWHERE, WAGES)


@pytest.fixture(scope="module")
def pairs() -> PairReader:
    return PairReader.load()


@pytest.fixture(scope="module")
def net() -> PairNet:
    return PairNet(WEIGHTS, card()["net"]["files"])


#: Shared runs of two characters from which two texts are near in words.
NEAR = 0.4


def card() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((WEIGHTS / CARD).read_text(encoding="utf-8"))
    return told


def copied(folder: Path) -> Path:
    for name in (CARD, WEIGHTS_FILE, "grams.json", "grams.npz", GRAPH, RARITY, *ENCODER):
        shutil.copy(WEIGHTS / name, folder / name)
    return folder


def said(one: tuple[str, str]) -> str:
    return f"{one[0]}\n{one[1]}"


def test_a_token_knows_whether_the_other_text_has_it_and_how_rare_it_is() -> None:
    rarity = np.array([0, 1, 2, 3, 3], dtype=np.uint8)
    # 1 stands in the other text alone, 2 and 3 stand there side by side, 4 does not.
    assert marks_of([1, 4, 2, 3], [3, 1, 0, 2, 3], rarity).tolist() == [8 + 1, 3, 12 + 2, 12 + 3]


def test_a_text_of_one_token_has_marks() -> None:
    rarity = np.array([2, 1], dtype=np.uint8)
    assert marks_of([0], [0], rarity).tolist() == [8 + 2]
    assert marks_of([0], [1], rarity).tolist() == [2]


def test_the_same_trouble_elsewhere_is_less_likely_than_the_same_place_in_other_words(net: PairNet) -> None:
    again, elsewhere = net.log_odds(said(RIVER), said(AGAIN)), net.log_odds(said(RIVER), said(ELSEWHERE))
    assert again > elsewhere
    assert elsewhere > net.log_odds(said(RIVER), said(WAGES))


def test_either_order_gives_one_answer_and_so_does_asking_again(net: PairNet) -> None:
    first = net.log_odds(said(RIVER), said(AGAIN))
    for number in range(20):  # more texts than are kept ready
        net.log_odds(f"{number}号楼电梯坏了", said(WAGES))
    assert net.log_odds(said(AGAIN), said(RIVER)) == first


@pytest.mark.parametrize("text", ["", "。", "\ud83d\ude00" * 3, "河" * 5000])
def test_any_text_gets_an_answer(net: PairNet, text: str) -> None:
    assert np.isfinite(net.log_odds(text.encode("utf-16", "surrogatepass").decode("utf-16"), said(RIVER)))


def test_threads_that_ask_at_once_get_the_answers_of_one(net: PairNet) -> None:
    asked = [(said(one), said(other)) for one in TEXTS for other in TEXTS] * 2
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda pair: net.log_odds(*pair), asked))
    assert found == [net.log_odds(*pair) for pair in asked]


def weighing(folder: Path, *weigh: float) -> PairReader:
    """The shipped model with other weights of trees, net, weighing trees, and another shift."""
    told = card()
    told["net"]["weigh"] = weigh
    (copied(folder) / CARD).write_text(json.dumps(told), encoding="utf-8")
    return PairReader.load(folder)


def test_what_the_trees_leave_open_is_weighed_with_the_net(
    tmp_path: Path, pairs: PairReader, net: PairNet
) -> None:
    one, other = pairs.profile(*RIVER), pairs.profile(*AGAIN)
    slope, shift = card()["calibration"]
    assert weighing(tmp_path, slope, 0, 0, shift).likeness(one, other).p == pairs.by_measures(one, other)
    words = 1 / (1 + math.exp(-0.5 * net.log_odds(one.source, other.source) - 0.25))
    assert weighing(tmp_path, 0, 0.5, 0, 0.25).likeness(one, other).p == pytest.approx(words)


def test_the_weighing_trees_know_what_the_net_says(
    tmp_path: Path, pairs: PairReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, (one, other) = weighing(tmp_path, 0, 0, 1, 0), (pairs.profile(*RIVER), pairs.profile(*AGAIN))
    found = []
    for words in (-6.0, 6.0):
        monkeypatch.setattr(PairNet, "log_odds", lambda *_, words=words: words)
        found.append(judge.likeness(one, other).p)
        assert judge.likeness(other, one).p == pytest.approx(found[-1])
    assert found[0] + 0.2 < found[1]


def test_what_the_trees_hold_for_hopeless_the_net_is_not_asked(pairs: PairReader) -> None:
    one, other = pairs.profile(*RIVER), pairs.profile(*WAGES)
    assert pairs.likeness(one, other).p == pairs.by_measures(one, other) < card()["net"]["asked_from"]


@pytest.mark.parametrize("gone", [GRAPH, RARITY, *ENCODER])
def test_without_the_net_the_trees_go_on_by_their_own_limits_and_say_so(tmp_path: Path, gone: str) -> None:
    (copied(tmp_path) / gone).unlink()
    alone = PairReader.load(tmp_path)
    assert gone in (alone.degraded or "")
    assert alone.version == f"{card()['version']}+{NO_NET}"
    assert (alone.same_from, alone.certain_from) == (card()["same_from"], card()["certain_from"])
    one, other = alone.profile(*RIVER), alone.profile(*AGAIN)
    assert alone.likeness(one, other).p == alone.by_measures(one, other)


@pytest.mark.parametrize(
    ("net", "told"),
    [
        (None, "names none"),
        ({}, "weigh"),
        ({"weigh": ["a", 1, 2, 3]}, "could not convert"),
        ({"weigh": [1, 2, 3]}, "unpack"),
        ({"weigh": [1, 2, 3, 4], "files": 3}, "not iterable"),
    ],
)
def test_a_card_that_is_wrong_about_the_net_leaves_the_trees(tmp_path: Path, net: Any, told: str) -> None:  # noqa: ANN401  (whatever a card holds)
    (copied(tmp_path) / CARD).write_text(json.dumps({**card(), "net": net}), encoding="utf-8")
    assert told in (PairReader.load(tmp_path).degraded or "")


def test_without_what_is_known_of_the_weighing_trees_the_others_go_on(tmp_path: Path) -> None:
    told = card()
    del told["net"]["weighing_base"]
    (copied(tmp_path) / CARD).write_text(json.dumps(told), encoding="utf-8")
    assert "weighing_base" in (PairReader.load(tmp_path).degraded or "")


def test_without_the_weighing_trees_the_others_go_on(tmp_path: Path) -> None:
    with np.load(copied(tmp_path) / WEIGHTS_FILE, allow_pickle=False) as whole:
        kept = {name: whole[name] for name in whole.files if not name.startswith(WEIGHING)}
    np.savez_compressed(tmp_path / WEIGHTS_FILE, allow_pickle=False, **kept)
    told = {**card(), "files": {WEIGHTS_FILE: digest(tmp_path / WEIGHTS_FILE)}}
    (tmp_path / CARD).write_text(json.dumps(told), encoding="utf-8")
    alone = PairReader.load(tmp_path)
    assert WEIGHING in (alone.degraded or "")
    assert alone.version.endswith(NO_NET)


def test_a_damaged_graph_is_told_by_name(tmp_path: Path) -> None:
    (copied(tmp_path) / GRAPH).write_bytes(b"x")
    assert GRAPH in (PairReader.load(tmp_path).degraded or "")


def test_graphs_that_do_not_go_together_are_found_at_the_start(tmp_path: Path) -> None:
    """With right checksums, as a careless release would have them."""
    shutil.copy(copied(tmp_path) / GRAPH, tmp_path / LOWER)
    files = {**card()["net"]["files"], LOWER: card()["net"]["files"][GRAPH]}
    with pytest.raises(WeightsError, match="does not go with"):
        PairNet(tmp_path, files)


def test_a_net_for_an_encoder_in_one_file_is_told_apart_from_a_damaged_card() -> None:
    files = {**card()["net"]["files"], UPPER: "0"}
    del files[LOWER]
    with pytest.raises(WeightsError, match="one file"):
        PairNet(WEIGHTS, files)


def test_a_card_without_a_checksum_is_refused() -> None:
    with pytest.raises(WeightsError, match=RARITY):
        PairNet(WEIGHTS, {GRAPH: card()["net"]["files"][GRAPH]})


def test_every_labelled_pair_has_an_answer_of_a_net_that_never_saw_it() -> None:
    labelled = read_pairs()
    words = read_beliefs(labelled, card()["net"]["files"][GRAPH])
    assert len(words) == len(labelled)
    with pytest.raises(WeightsError, match="another"):
        read_beliefs(labelled, "0" * 64)


def alike(one: str, other: str) -> float:
    """Shared runs of two characters."""
    a, b = ({text[at : at + 2] for at in range(len(text) - 1)} for text in (one, other))
    return len(a & b) / len(a | b)


def test_another_place_in_much_the_same_words_is_seldom_taken_for_the_same_matter(pairs: PairReader) -> None:
    """Groups that nothing learned from: `c` is another place in `a`'s words, `b` the same matter again."""
    texts, written = read_samples(HELD)
    near = [pair for pair in written if alike(texts[pair.a]["text"], texts[pair.b]["text"]) >= NEAR]
    other = [pair for pair in near if pair.b.endswith("c") and not pair.same]
    again = [pair for pair in near if (pair.a + pair.b).endswith("b") and pair.a.endswith("a")]
    profiles = {
        name: pairs.profile(row["title"], row["text"], day_of(row["time"])) for name, row in texts.items()
    }

    def held_for_one(found: list[Sample]) -> list[bool]:
        return [pairs.likeness(profiles[pair.a], profiles[pair.b]).p >= pairs.same_from for pair in found]

    assert pairs.degraded is None
    assert len(other) >= 40
    assert sum(held_for_one(other)) <= len(other) / 4
    assert sum(held_for_one(again)) >= len(again) / 2


def test_without_the_net_a_sites_thresholds_only_ask_for_more(tmp_path: Path) -> None:
    for name in ("repeats.json", "repeats.npz", "grams.json", "grams.npz"):
        shutil.copyfile(WEIGHTS / name, tmp_path / name)
    own = PairReader.load(tmp_path)
    assert own.degraded
    asked = PairReader.load(tmp_path, same_from=0.99, certain_from=0.995)
    assert (asked.same_from, asked.certain_from) == (0.99, 0.995)
    eased = PairReader.load(tmp_path, same_from=0.5, certain_from=0.5)
    assert (eased.same_from, eased.certain_from) == (own.same_from, own.certain_from)


def test_what_is_certain_is_called_the_same() -> None:
    found = PairReader.load(same_from=0.9, certain_from=0.6)
    assert (found.same_from, found.certain_from) == (0.9, 0.9)
