"""What a text says (识别). Knows texts, words and weights; no database, network or queue."""

from pathlib import Path
from typing import Final

#: The encoder's weights that come with the checkout.
WEIGHTS: Final = Path(__file__).parent / "weights"
