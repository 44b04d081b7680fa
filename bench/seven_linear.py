"""Linear models over the words and characters of the seven-class set, needing the `train` extra.

They know the set's texts and the folds' numbers, no network. Called by `bench.seven`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.seven import Held, Learner, Scores

#: A word of the set: what stands between blanks.
WORD: Final = r"\S+"
SEED: Final = 0
#: How much of a message is its beginning, and what that weighs beside the whole.
BEGINNING_WORDS: Final = 12
BEGINNING_CHARACTERS: Final = 25
BEGINNING: Final = 0.7


class _Part(NamedTuple):
    """Runs of one sort over one view of the texts, from `shortest` to `longest`, in `least` texts or more."""

    texts: Sequence[str]
    sort: Literal["word", "char"]
    shortest: int
    longest: int
    least: int
    weight: float = 1.0


def linear(held: Held, *, characters: bool = False, beginning: bool = False) -> Learner:
    """Words (one and two in a row), TF-IDF, under a linear SVM.

    With `characters` also runs of 1 to 3; with `beginning` the first words and characters once more by
    themselves: a message begins with its title.
    """
    from sklearn.svm import LinearSVC  # noqa: PLC0415  (an extra)

    parts = [_Part(held.words, "word", 1, 2, 2)]
    if characters:
        parts.append(_Part(held.characters, "char", 1, 3, 3))
    if beginning:
        parts.append(_Part(_first_words(held), "word", 1, 2, 2, BEGINNING))
        parts.append(_Part(_first_characters(held), "char", 2, 2, 2, BEGINNING))

    def learn(train: NDArray[np.int64], test: NDArray[np.int64]) -> Scores:
        mine, theirs = _columns(parts, train, test)
        model = LinearSVC(C=0.2 if beginning else 0.3, random_state=SEED).fit(mine, held.y[train])
        scores: Scores = model.decision_function(theirs)
        return scores

    return learn


def by_ratios(held: Held) -> Learner:
    """Longer runs, and each weighed by how much oftener one class has it than the others have.

    For each class a linear SVM against the rest, over TF-IDF times the tanh of `log_ratio`: what no class has
    oftener is held back, however rare it is. After Wang and Manning (ACL 2012), who multiply whether a text
    has a run by the ratio itself; the tanh and TF-IDF are ours.
    """
    import scipy.sparse as sp  # noqa: PLC0415
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    parts = [
        _Part(held.words, "word", 1, 3, 2),
        _Part(held.characters, "char", 1, 4, 3),
        _Part(_first_words(held), "word", 1, 2, 2),
        _Part(_first_characters(held), "char", 1, 3, 2),
    ]

    def learn(train: NDArray[np.int64], test: NDArray[np.int64]) -> Scores:
        mine, theirs = _columns(parts, train, test)
        has, y = (mine > 0).astype(np.float32), held.y[train]
        scores = np.zeros((len(test), len(held.classes)))
        for number in range(len(held.classes)):
            by_ratio = sp.diags(np.tanh(log_ratio(has, y == number)).astype(np.float32))
            model = LinearSVC(C=1.0, random_state=SEED).fit(mine @ by_ratio, y == number)
            scores[:, number] = model.decision_function(theirs @ by_ratio)
        return scores

    return learn


def log_ratio(has: Any, here: NDArray[np.bool_]) -> NDArray[np.float64]:  # noqa: ANN401  (scipy has no types)
    """How much oftener these texts have each run than the others do (naive Bayes, one added on either side).

    `has`: texts by runs, 1 where a text has it. The logarithm of the ratio of their shares, 0 where even.
    """
    mine, theirs = (np.asarray(has[of].sum(axis=0), dtype=np.float64).ravel() + 1 for of in (here, ~here))
    ratio: NDArray[np.float64] = np.log((mine / mine.sum()) / (theirs / theirs.sum()))
    return ratio


def _first_words(held: Held) -> list[str]:
    return [" ".join(text.split(" ")[:BEGINNING_WORDS]) for text in held.words]


def _first_characters(held: Held) -> list[str]:
    return [text[:BEGINNING_CHARACTERS] for text in held.characters]


def _columns(parts: Sequence[_Part], train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[Any, Any]:
    """All parts side by side (texts, runs) by TF-IDF: of the texts to learn from, and of the asked ones."""
    import scipy.sparse as sp  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    mine, theirs = [], []
    for part in parts:
        maker = TfidfVectorizer(
            analyzer=part.sort,
            token_pattern=WORD if part.sort == "word" else None,
            ngram_range=(part.shortest, part.longest),
            sublinear_tf=True,
            min_df=part.least,
            dtype=np.float32,
        )
        mine.append(maker.fit_transform([part.texts[at] for at in train]) * part.weight)
        theirs.append(maker.transform([part.texts[at] for at in test]) * part.weight)
    return sp.hstack(mine).tocsr(), sp.hstack(theirs).tocsr()
