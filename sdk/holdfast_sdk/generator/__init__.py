"""Makes the package of a client out of a schema. Pure: text in, text out."""
