"""What the tests of jobs share."""

from job_worker import engine, job_database, start_worker

__all__ = ["engine", "job_database", "start_worker"]
