"""Messages to people by Apprise: e-mail, Teams, Slack, a webhook, whatever MEDIMART_NOTIFY names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from medimart.settings import settings

log = logging.getLogger("medimart.notify")
_QUOTE_ADDRESSES = ("apprise", "urllib3", "requests")  # loggers that may write an address out, secret and all


def send(title: str, body: str) -> None:
    """Send a message of a failure to every address of MEDIMART_NOTIFY; nothing where it is not set.

    Never raises: what cannot be sent is logged, by the place of its address in the variable, since the address itself
    holds a secret.
    """
    addresses = settings().notify
    for place, address in enumerate(addresses, 1):
        which = f"address {place} of the {len(addresses)} in MEDIMART_NOTIFY"
        with _hushed():
            fault = _send(address, title, body)
        if fault:
            log.error("Nobody was told by %s: %s.", which, fault)


def _send(address: str, title: str, body: str) -> str | None:
    """Send to one address; returns what was in the way, without anything of the address."""
    import apprise  # a second of import, which only a failure should cost

    try:
        service = apprise.Apprise.instantiate(address)
        if service is None:
            return "Apprise cannot read it; see its documentation for how one is written"
        if not service.notify(title=title, body=body, notify_type=apprise.NotifyType.FAILURE):
            return f"the {service.service_name} service did not take the message; is it reachable, is its secret good?"
    except Exception as error:  # a plugin's own fault: its words may quote the address
        return f"its Apprise plugin failed ({type(error).__name__})"
    return None


@contextmanager
def _hushed() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _QUOTE_ADDRESSES]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
