"""The steps of ``task=graph``: operations on any ONNX file, each checked by running it."""
