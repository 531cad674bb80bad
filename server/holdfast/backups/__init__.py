"""Backups: archives of the database and its files, made, kept, checked and brought back."""
