"""What superusers do with whole accounts: take out who they are of, and make one of two."""
