"""A whole training run: examples → network → int8 graph → calibration → card. Called by `jiesu nlp train`."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from nlp import evaluation
from nlp.beliefs import Blend, Sure, blend
from nlp.cascade import CascadeReader
from nlp.encoder import LOWER, UPPER, Card, Encoder
from nlp.folder import WeightsError
from nlp.grams import HEADS, Grams
from nlp.topics import TopicReader
from nlp.training import calibrate, export
from nlp.training import grams as linear
from nlp.training.examples import SAMPLES, BadExample, as_example, is_held_out, labelled_texts, read_examples
from nlp.training.fit import Plan, encode, fit, tokenizer_of
from nlp.training.in_a_row import in_a_row
from nlp.training.runs import CHECKPOINT, check_out, hand_over, held_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nlp.beliefs import Beliefs
    from nlp.training.examples import Example
    from nlp.training.net import ReadingNet

#: Before it is calibrated the encoder is asked about everything, on equal terms.
_UNKNOWN: Final = calibrate.as_card(Blend(), Sure(1.01, 0.0, 1.01))
#: A network that goes on from weights made before learns slower, its heads too.
_RATE_ON: Final = 6e-5
_HEAD_RATE_ON: Final = 6e-4
#: So many texts tell how large the numbers inside the network grow.
_SEEN: Final = 128
#: Points of the published curve.
_CURVE: Final = tuple(step / 20 for step in range(1, 21))


def make(
    *,
    data: Sequence[Path],
    texts: Path | None,
    held_out: Path | None,
    beside: Path | None = None,
    base: Path,
    start: Path | None,
    out: Path,
    work: Path,
    kinds: Sequence[str],
    lexicon: Path,
    epochs: int,
    told: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Train, calibrate on texts that were not learned from, and write the folder `out`.

    Learned from: `data`, our own samples, and our labels of public texts where `texts` has them. Calibrated
    on `held_out`, else on every twelfth of those labels and on `beside`, what a city held out of its own.
    `work` keeps the checkpoint: a run that was stopped goes on from there, and once it is over none is left.
    `out` is written at the very end, its card last. `start` is a folder of weights that were made from the
    same base: the network goes on from them, slower. Gives the card's figures. Raises BadExample naming file
    and line, and WeightsError when `start` is damaged or another network's, before anything is learned.
    """
    labelled = labelled_texts(texts) if texts is not None else []
    if held_out is not None:
        held = held_rows(held_out, kinds)
    else:
        held = [row for row in labelled if is_held_out(row)]
        held += held_rows(beside, kinds) if beside is not None else []
    if not held:
        raise BadExample("no texts are held out: give --held-out or --texts")
    examples = [*read_examples(data, kinds), *read_examples([SAMPLES])]
    examples += [as_example(row) for row in labelled if held_out is not None or not is_held_out(row)]
    plan = replace(Plan(), epochs=epochs)
    if start is not None:
        card = Card.load(start)
        if card.classes["kind"] != tuple(kinds):
            raise WeightsError(f"{start.name}: its kinds are not those of the table")
        plan = replace(plan, rate=_RATE_ON, head_rate=_HEAD_RATE_ON, start=card.version)
    check_out(out)
    made = work / "made"
    shutil.rmtree(made, ignore_errors=True)
    count(examples, out=made, kinds=kinds, held=held, lexicon=lexicon)
    graph = start / UPPER if start is not None else None
    # For the network alone: the linear model counts what stands in a text wherever it stands.
    rows = in_a_row(examples, seed=plan.seed)
    net = fit(base, [*examples, *rows], kinds, plan=plan, work=work, told=told, start=graph)
    about = {"base": base.name, "examples": len(examples), "in_a_row": len(rows), "plan": asdict(plan)}
    figures = finish(
        net,
        base=base,
        out=made,
        kinds=kinds,
        tokens=plan.tokens,
        seen=_some(base, examples, plan.tokens),
        held=held,
        lexicon=lexicon,
        about=about,
        lower=start / LOWER if start is not None and Card.load(start).split else None,
    )
    hand_over(made, out)
    shutil.rmtree(made)
    (work / CHECKPOINT).unlink(missing_ok=True)
    return figures


def _some(base: Path, examples: Sequence[Example], tokens: int) -> list[list[int]]:
    """The token ids of a few of the examples, from all over."""
    spread = examples[:: max(1, len(examples) // _SEEN)][:_SEEN]
    return [item.ids for item in encode(tokenizer_of(base, tokens), spread)]


def count(
    examples: Sequence[Example],
    *,
    out: Path,
    kinds: Sequence[str],
    held: Sequence[dict[str, Any]],
    lexicon: Path,
) -> None:
    """Fit the model over character runs, and choose how it is joined with the lexicon."""
    fitted = linear.fit(examples, kinds)
    plain = dict.fromkeys(HEADS, 1.0)
    about = {"examples": len(examples)}
    linear.write(out, fitted, blend={}, temperature=plain, about=about)
    first, second = linear_beliefs(out, held, lexicon)
    how = calibrate.choose_blend(held, first, second)
    linear.write(out, fitted, blend=calibrate.blend_card(how), temperature=plain, about=about)


def linear_beliefs(
    folder: Path, held: Sequence[dict[str, Any]], lexicon: Path
) -> tuple[list[Beliefs], list[Beliefs]]:
    """What the lexicon, and what the model over character runs believes of the rows."""
    topics, grams = TopicReader.load(lexicon), Grams(folder)
    weighed = [topics.weigh(row.get("title"), row.get("text") or "") for row in held]
    return [item.beliefs for item in weighed], [grams.read(item.folded).beliefs for item in weighed]


def finish(
    net: ReadingNet,
    *,
    base: Path,
    out: Path,
    kinds: Sequence[str],
    tokens: int,
    seen: Sequence[Sequence[int]],
    held: Sequence[dict[str, Any]],
    lexicon: Path,
    about: dict[str, Any],
    lower: Path | None = None,
) -> dict[str, Any]:
    """Export and calibrate a trained network; gives the figures on the held-out texts.

    `lower` are the lowest layers of the weights that the network went on from. `out` holds the model over
    character runs already: the encoder is asked where both linear models are unsure.
    """
    out.mkdir(parents=True, exist_ok=True)
    export.copy_tokenizer(base, out)
    export.export(net, out, seen, lower=lower)
    export.write_card(out, kinds=kinds, tokens=tokens, name=base.name, about=about, chosen=_UNKNOWN)
    topics, encoder, grams = TopicReader.load(lexicon), Encoder(out), Grams(out)
    weighed = [topics.weigh(row.get("title"), row.get("text") or "") for row in held]
    counted = [grams.read(item.folded).beliefs for item in weighed]
    first = [blend(item.beliefs, runs, grams.blend) for item, runs in zip(weighed, counted, strict=True)]
    second = [answer.beliefs for answer in encoder.read_many([item.folded for item in weighed])]
    how = calibrate.choose_blend(held, first, second)
    both = [blend(one, two, how) for one, two in zip(first, second, strict=True)]
    sure = calibrate.choose_sure(held, first, both)
    chosen = calibrate.as_card(how, sure)
    export.write_card(out, kinds=kinds, tokens=tokens, name=base.name, about=about, chosen=chosen)
    reader = CascadeReader(topics, Encoder(out), grams)
    readings = reader.read_many([(row.get("title"), row.get("text") or "") for row in held])
    pairs = list(zip(held, readings, strict=True))
    points = evaluation.curve(pairs)
    figures = {
        **evaluation.figures(pairs),
        "asked_share": round(sum(sure.leaves_open(one) for one in first) / len(first), 4),
        "curve": [{"coverage": share, "accuracy": evaluation.at_coverage(points, share)} for share in _CURVE],
    }
    about = {**about, "held_out": figures}
    export.write_card(out, kinds=kinds, tokens=tokens, name=base.name, about=about, chosen=chosen)
    return figures
