"""Requests of the server to other servers: one client, which dials no address inside the operator's own network."""
