"""Why a request failed, in words that do not depend on the library that made it."""

import os
import ssl
import zlib
from typing import Final

_HUNG_UP: Final = "The connection was closed before an answer came."
_NO_CONNECTION: Final = "No connection could be made."


def reason(failure: BaseException) -> str:
    """A sentence for the log and for whoever set the address."""
    import aiohttp  # is loaded: who fails has asked

    told: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (aiohttp.ClientConnectorDNSError, "The name is not known."),
        ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), _certificate(failure)),
        ((aiohttp.ClientConnectorSSLError, ssl.SSLError), "TLS failed: the other side speaks none, or another."),
        ((aiohttp.ServerTimeoutError, TimeoutError), "There was no connection in time."),
        ((aiohttp.ServerDisconnectedError, RuntimeError), _HUNG_UP),  # uvloop: a RuntimeError with an address in it
        (aiohttp.ClientPayloadError, "The answer breaks off."),
        ((aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError), "The answer is no HTTP that can be read."),
        (zlib.error, "The answer is packed in a way that cannot be read."),
        (aiohttp.ClientConnectorError, _of_system(failure) or _NO_CONNECTION),
        (OSError, _of_system(failure) or _plain(failure)),
    )
    return next((sentence for kind, sentence in told if isinstance(failure, kind)), _plain(failure))


def _certificate(failure: BaseException) -> str:
    inner = getattr(failure, "certificate_error", failure)
    return f"The certificate is refused: {getattr(inner, 'verify_message', '') or 'it cannot be trusted'}."


def _of_system(failure: BaseException) -> str:
    """`Connection refused.`, without the address that asyncio adds, which whoever set the address knows."""
    number = getattr(failure, "errno", None)
    return f"{os.strerror(number)}." if isinstance(number, int) and number > 0 else ""


def _plain(failure: BaseException) -> str:
    text = " ".join(str(failure).split())[:200] or type(failure).__name__
    return text if text.endswith(".") else f"{text}."
