"""What a collection is: its fields, one class per type, and what each takes and gives. Pure."""
