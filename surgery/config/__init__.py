"""The composed configuration as typed values, checked once."""
