"""torch's two exporters behind one signature; :func:`surgery.export.export_onnx` is the door."""
