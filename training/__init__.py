"""Training of the demo networks; not part of the wheel."""
