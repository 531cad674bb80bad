"""Work in the background as an operator sees it, `/api/jobs` and `/api/crons`, and what starts it at its time."""
