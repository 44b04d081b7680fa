"""How the reading model is made (训练). Needs the `train` extra; nothing that reads imports it.

examples: labelled texts in, targets out · net: the network · fit: the loop · export: int8 ONNX and its card.
Called by `jiesu nlp train` alone.
"""
