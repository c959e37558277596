"""A graph that somebody else exported, operated on with configuration alone (``model=onnx``).

The file is cut where the network ends and its decoding begins, its input becomes NCHW float32 with
casts and transposes moved out to the host, and it is written as a bundle with a decoder of ours.
"""
