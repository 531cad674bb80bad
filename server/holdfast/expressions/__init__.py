"""The language of filters and rules: text is read, becomes a tree, and compiles to SQL. Pure."""
