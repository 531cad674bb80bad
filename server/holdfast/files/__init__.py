"""Files over HTTP: who gets one, and what becomes of those that nobody holds any more."""
