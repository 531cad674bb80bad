"""The operator's options over HTTP: `/api/settings`, as PocketBase has it."""
