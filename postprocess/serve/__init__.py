"""A bundle behind HTTP: `python -m postprocess.serve BUNDLE`; needs the extra `serve`."""
