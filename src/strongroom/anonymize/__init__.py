"""Room: anonymize."""
