"""How every connection of the server is opened."""

from holdfast.config import Settings


def session_settings(settings: Settings) -> dict[str, str]:
    """PostgreSQL's settings for a connection. A write that needs longer says so in its transaction."""
    return {
        "application_name": "holdfast",
        "statement_timeout": str(settings.query_timeout_ms),
        "lock_timeout": str(settings.lock_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",  # milliseconds
        "jit": "off",  # compiling costs more than the statements of an API take
        "timezone": "UTC",
    }
