"""The log that is kept in the database for a while: what `/api/logs` and the console show of it."""
