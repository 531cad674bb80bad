"""Who is asking: logging in, tokens, and the first superuser."""
