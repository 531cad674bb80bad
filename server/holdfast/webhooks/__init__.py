"""Webhooks: every event that an endpoint has asked for reaches it, signed, until it has said that it has it."""
