"""What the server counts and measures, in the form that Prometheus reads."""
