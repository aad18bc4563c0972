"""What one client may ask for: requests, uploads at a time, bytes, sessions, passwords.

A client is the address of its connection. Behind a reverse proxy that is the proxy's, unless KINSIGHT_PROXY names it:
then X-Forwarded-For counts (see launch.py).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MB = 1_000_000
SLOW_DOWN = "Too many requests from your address. Please wait a few seconds and try again."
TOO_MANY_SESSIONS = "Too many pages are open from your address. Please close some and try again in an hour."
TOO_MANY_UPLOADS = "Too many uploads at once from your address. Please wait until the others are done."
WRONG_PASSWORDS = "Too many wrong passwords from your address. Please try again in a few minutes."
YOUR_SHARE = "Your address has uploaded as much as it may. Please try again in an hour."
FULL = "The server has no room for more files at the moment. Please try again later."
TOO_LARGE = "File size exceeded maximum allowed size of {} MB in one request."
TOO_SLOW = "The request came too slowly and was given up. Please try again."
NO_FORM = "The request cannot be read. Please reload the page and try again."
CUT_OFF = "The upload was cut off."


@dataclass(frozen=True)
class Allowance:
    """What is allowed; times in seconds, sizes in bytes.

    Attributes:
        rate, burst: calls (POST) of a client: how many a second in the long run, how many at once.
        uploads: of a client at the same time.
        client_bytes: that a client may send in an hour.
        folder_bytes: of all clients on disk.
        spare: that stay free on the disk.
        sessions: new ones of a client in an hour.
        body, upload_body: of one request.
        pause: between two pieces of a body.
        whole: from a body's first piece to its last.
        logins: wrong passwords of a client at once...
        login_pause: ...and how long it takes until one more may be tried.
    """

    rate: float = 30
    burst: float = 300
    uploads: int = 8
    client_bytes: int = 2000 * MB
    folder_bytes: int = 8000 * MB
    spare: int = 200 * MB
    sessions: int = 60
    body: int = 16 * MB
    upload_body: int = 1000 * MB
    pause: float = 20
    whole: float = 300
    logins: float = 10
    login_pause: float = 60


class RefusedError(Exception):
    """A request that goes no further: its status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass
class Client:
    """What one address did lately."""

    calls: float
    at: float
    hour: float
    logins: float
    uploads: int = 0
    sent: int = 0
    sessions: set[str] = field(default_factory=set)


class Clients:
    """All addresses, the least recent forgotten when there are more than `most`."""

    def __init__(self, allowed: Allowance, clock: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self.allowed, self._clock, self._most = allowed, clock, most
        self._known: OrderedDict[str, Client] = OrderedDict()

    def __getitem__(self, address: str) -> Client:
        now = self._clock()
        client = self._known.setdefault(address, Client(self.allowed.burst, now, now, self.allowed.logins))
        self._known.move_to_end(address)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        client.calls = min(self.allowed.burst, client.calls + (now - client.at) * self.allowed.rate)
        client.logins = min(self.allowed.logins, client.logins + (now - client.at) / self.allowed.login_pause)
        client.at = now
        if now - client.hour > 3600:
            client.hour, client.sent, client.sessions = now, 0, set()
        return client

    def count_call(self, address: str) -> Client:
        """One more call.

        Raises:
            RefusedError: 429, too many.
        """
        client = self[address]
        if client.calls < 1:
            raise RefusedError(429, SLOW_DOWN)
        client.calls -= 1
        return client

    def count_session(self, client: Client, session: object) -> None:
        """A call of this session.

        Raises:
            RefusedError: 429, too many new ones.
        """
        if not isinstance(session, str) or session in client.sessions:
            return
        if len(client.sessions) >= self.allowed.sessions:
            raise RefusedError(429, TOO_MANY_SESSIONS)
        client.sessions.add(session)

    def count_bytes(self, client: Client, number: int) -> None:
        """So many bytes more of uploads.

        Raises:
            RefusedError: 429, too many.
        """
        client.sent += number
        if client.sent > self.allowed.client_bytes:
            raise RefusedError(429, YOUR_SHARE)
