"""ONNX graphs as data: names, shapes, module paths, files, and running one to compare it.

What the exporters, the passes and the audit have in common. Nothing here changes what a graph
computes.
"""
