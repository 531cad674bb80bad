"""Who may do what: a rule and a principal become a condition in SQL. Pure."""
