"""Access told to people: why a request was let through or refused, and whether the rules keep to their tests."""
