"""Realtime: open lines to clients, what they subscribed to, and messages to them from any server process."""
