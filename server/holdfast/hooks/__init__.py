"""Hooks of plugins: which there are, and how each is called so that a fault stays the plugin's own."""
