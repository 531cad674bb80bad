"""One request to a receiver, signed, and what it came to."""

import time
from datetime import datetime
from typing import Final

from holdfast import __version__
from holdfast.catalog.snapshot import Catalog
from holdfast.events.context import HOPS_HEADER
from holdfast.events.event import Event
from holdfast.outbound.client import Outbound
from holdfast.outbound.failed import Failed
from holdfast.outbound.refused import Refused
from holdfast.webhooks.endpoint import Endpoint
from holdfast.webhooks.outcome import MOST_BODY_BYTES, Attempt, answered, storable
from holdfast.webhooks.payload import payload
from holdfast.webhooks.queue import Claimed
from holdfast.webhooks.signature import sign

HOPS: Final = HOPS_HEADER.decode()
"""Sent along, and heeded where a request brings it: how many webhooks have led to this. Loops end by it."""


async def send(
    outbound: Outbound, catalog: Catalog, endpoint: Endpoint, claimed: Claimed, now: datetime
) -> tuple[Attempt, dict[str, str]]:
    """Send a delivery; the attempt, and the headers that were sent but for the signature and the endpoint's own."""
    draft, event = endpoint.draft, claimed.event
    body = (claimed.body or "").encode() if event is None else payload(catalog, draft, event)
    stamp = int(now.timestamp())
    shown = _headers(claimed, event, stamp)
    signed = {"webhook-signature": sign(endpoint.secrets, claimed.event_id, stamp, body)}
    began = time.monotonic()
    try:
        received = await outbound.request(
            "POST",
            draft.url,
            headers={**draft.headers, **shown, **signed},
            body=body,
            most_bytes=MOST_BODY_BYTES,
            cut=True,
            seconds=float(draft.timeout),
        )
    except Failed as failure:
        if failure.received is not None:
            return answered(failure.received, _since(began), now, str(failure)), shown
        return Attempt(ms=_since(began), error=storable(str(failure))), shown
    except Refused as failure:
        return Attempt(ms=_since(began), error=storable(str(failure))), shown
    return answered(received, _since(began), now), shown


def _headers(claimed: Claimed, event: Event | None, stamp: int) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "user-agent": f"Holdfast/{__version__}",
        "webhook-id": claimed.event_id,
        "webhook-timestamp": str(stamp),
        HOPS: str((event.hops if event else 0) + 1),
    }
    return {**headers, "webhook-replay": "true"} if claimed.replay else headers


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
