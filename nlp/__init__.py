"""What a text says (识别). Knows texts, words and weights; no database, network or queue."""

import os
from pathlib import Path
from typing import Final

# onnxruntime 1.32 makes a device id when it is imported, keeps events in ~/.cache/Microsoft and posts them to
# mobile.events.data.microsoft.com. Nothing leaves this machine: said here, before anyone can import it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

#: The encoder's weights that come with the checkout.
WEIGHTS: Final = Path(__file__).parent / "weights"
