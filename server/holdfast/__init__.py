"""Holdfast: a self-hosted backend on PostgreSQL, where every declared collection is an API."""

__version__ = "0.1.0"
