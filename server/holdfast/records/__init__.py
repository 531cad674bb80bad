"""The records of collections: each request is planned against the catalog and answered by one statement."""
