"""Mail: what is written, and how it goes out after the request that it follows from."""
