"""The versions of records: listed, brought back, and redacted."""
