"""Piccolo Admin at /admin/tables: a plain data browser beside the console, signed in by the console's session."""
