"""Records in and out as files: imports that tell the truth, and exports that can be imported again."""
