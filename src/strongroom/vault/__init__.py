"""Room: vault."""
