"""Room: attacks."""
