"""What all routes share: requests, answers, limits, errors."""
