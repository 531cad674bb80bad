"""The admin console: its built files, the page they run in, its login, and what its first paint needs."""
