"""A Hugging Face sequence-classification folder gets its ONNX graph: `jiesu nlp export`.

Needs the `train` extra.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

GRAPH = "model.onnx"


class _Logits(nn.Module):
    """The model as `nlp.foreign` asks it: ids and mask in, logits out."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401  (transformers' own classes)
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The scores of the labels."""
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export_folder(folder: Path, *, int8: bool, told: Callable[[str], None]) -> Path:
    """Write `model.onnx` (and `tokenizer.json` where it is missing) into the folder; gives the graph."""
    if not (folder / "tokenizer.json").exists():
        AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder)
        told("tokenizer.json")
    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    ids = torch.ones((2, 8), dtype=torch.int64)
    path, new = folder / GRAPH, folder / f"{GRAPH}.new"
    with tempfile.TemporaryDirectory() as work:
        plain = Path(work) / GRAPH
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Logits(model.to(torch.float32).eval()),
                (ids, torch.ones_like(ids)),
                str(plain),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_axes={
                    "input_ids": {0: "batch", 1: "length"},
                    "attention_mask": {0: "batch", 1: "length"},
                    "logits": {0: "batch"},
                },
                opset_version=17,
                dynamo=False,
            )
        if int8:
            # Per channel: per tensor cost three points with our own model.
            quantize_dynamic(str(plain), str(new), weight_type=QuantType.QInt8, per_channel=True)
        else:
            shutil.copyfile(plain, new)
    # Whole or not at all: a graph of before is read until then.
    new.replace(path)
    told(GRAPH)
    return path
