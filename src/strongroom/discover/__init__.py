"""Room: discover."""
