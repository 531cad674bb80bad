"""How a collection changes: a difference, the DDL that makes it so, and what can be brought back."""
