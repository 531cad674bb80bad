"""Jobs: work that a transaction promises and that is done after its commit, by any process."""
