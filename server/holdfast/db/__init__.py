"""PostgreSQL: how SQL is made, where connections come from, what its failures mean."""
