"""SQL of an operator's own, run as a role that can only read, or only write records, and sees no secret."""
