"""Strongroom: train models on data that must not leak, and prove it."""

__version__ = "0.1.0"
