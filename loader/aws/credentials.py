"""Credentials used for signing: found by botocore's chain and renewed before they expire.

Signing reads the attribute ``current``, which never blocks. The look-up itself (profile files,
helper processes, STS, SSO, instance metadata) runs in a thread. Each renewal runs the whole chain
again, so it picks up changes such as keys rotated in a profile file or a new SSO login.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Protocol

from loader.aws.credential_chain import FoundCredentials, find_credentials
from loader.aws.signing import Credentials
from loader.errors import LoaderError, ServiceStopped, SettingsError
from loader.process.daemon_thread import in_daemon_thread

RENEW_BEFORE_EXPIRY_SECONDS = 15 * 60.0
"""Time before the expiry at which a renewal starts: botocore's advisory refresh window."""

WAIT_BEFORE_EXPIRY_SECONDS = 60.0
"""Time before the expiry from which an attempt waits for the renewal, which might end too late otherwise."""

RETRY_SECONDS = 30.0
"""Pause after a renewal that failed or returned no newer credentials."""

RENEWAL_TIMEOUT_SECONDS = 60.0
"""Time limit of a renewal. The first look-up has no limit, because it may prompt the user for a code."""

JUST_REFRESHED_SECONDS = 5.0
"""Refusals within this time after a refresh belong to requests that were signed before it."""

_log = logging.getLogger(__name__)


class CredentialSource(Protocol):
    """Source of the key that signs an attempt.

    Attributes:
        current: The key to use now.
        renew_at: Epoch seconds from which `renew` must be called before ``current`` is read.
    """

    current: Credentials
    renew_at: float

    async def renew(self, now: float) -> None:
        """Renew the credentials in the background; wait for them only shortly before the expiry."""

    async def refresh(self) -> None:
        """Look up new credentials now, because the service refused the current ones."""

    async def close(self) -> None:
        """Stop background work."""


class FixedCredentials:
    """One key that never changes, for the emulator and for callers that pass their own key.

    Args:
        credentials: The key.
    """

    def __init__(self, credentials: Credentials) -> None:
        self.current = credentials
        self.renew_at = math.inf

    async def renew(self, now: float) -> None:
        """Do nothing: there is only this key."""

    async def refresh(self) -> None:
        """Do nothing: the next refusal stops the load."""

    async def close(self) -> None:
        """Do nothing."""


class RenewingCredentials:
    """The newest credentials that a look-up returned.

    Args:
        found: Result of the first look-up.
        look_up: Repeats the look-up. It blocks, and raises `SettingsError` if there are no credentials.
        now: Epoch seconds.
        timeout_seconds: Time limit of a renewal.
    """

    def __init__(
        self,
        found: FoundCredentials,
        look_up: Callable[[], FoundCredentials],
        now: float,
        *,
        timeout_seconds: float = RENEWAL_TIMEOUT_SECONDS,
    ) -> None:
        self._look_up = look_up
        self._timeout_seconds = timeout_seconds
        self._renewal: asyncio.Task[None] | None = None
        self._has_failed = False
        self._one_at_a_time = asyncio.Lock()
        self._refreshed_at = -math.inf
        self._refresh_error: SettingsError | None = None
        self._take(found, now)

    def _take(self, found: FoundCredentials, now: float) -> None:
        self.current = found.credentials
        self.expires_at = found.expires_at
        self._has_failed = False
        # Short-lived credentials are renewed at half of their life, which may be 15 minutes in all.
        remaining = found.expires_at - now
        ahead = min(RENEW_BEFORE_EXPIRY_SECONDS, remaining / 2)
        self.renew_at = now + max(RETRY_SECONDS, remaining - ahead)

    async def renew(self, now: float) -> None:
        """Renew the credentials in the background; wait for them only shortly before the expiry.

        A failed renewal is logged and repeated later. The old credentials work until their expiry;
        after it, the service refuses them and `refresh` reports the failure.

        Args:
            now: Epoch seconds.
        """
        if now < self.renew_at:
            return
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(now))
        if now >= self.expires_at - WAIT_BEFORE_EXPIRY_SECONDS:
            # Awaiting the task itself would cancel it together with this attempt.
            await asyncio.wait([self._renewal])

    async def _renew(self, now: float) -> None:
        try:
            async with self._one_at_a_time:
                self._take(await self._found(), now)
        except Exception as error:  # noqa: BLE001 - the old key still works; `refresh` reports lasting faults
            self.renew_at = now + RETRY_SECONDS
            # Only the first failure is a warning: the next one, 30 s later, most likely has the same cause.
            level = logging.DEBUG if self._has_failed else logging.WARNING
            self._has_failed = True
            why = (error.why or error.what) if isinstance(error, LoaderError) else type(error).__name__
            _log.log(level, "The AWS credentials could not be renewed yet: %s", why)
        finally:
            self._renewal = None

    async def refresh(self) -> None:
        """Look up new credentials now, because the service refused the current ones.

        Raises:
            ServiceStopped: The look-up found none.
        """
        async with self._one_at_a_time:
            # The service refuses many attempts at once: they share the look-up of the first one.
            if time.monotonic() - self._refreshed_at >= JUST_REFRESHED_SECONDS:
                await self._refresh()
            if self._refresh_error is not None:
                raise _not_renewed(self._refresh_error)

    async def _refresh(self) -> None:
        self._refresh_error = None
        try:
            self._take(await self._found(), time.time())
        except SettingsError as error:
            self._refresh_error = error
        self._refreshed_at = time.monotonic()

    async def _found(self) -> FoundCredentials:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await in_daemon_thread(self._look_up)
        except TimeoutError as error:
            raise SettingsError(
                "No AWS credentials could be looked up.",
                why=f"the look-up took longer than {self._timeout_seconds:g} s",
                next_step="check the network of the instance or container role, or set AWS_ACCESS_KEY_ID "
                "and AWS_SECRET_ACCESS_KEY",
            ) from error

    async def close(self) -> None:
        """Stop a running renewal."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])


async def open_credentials(profile: str | None, region: str | None) -> RenewingCredentials:
    """Find credentials by botocore's chain, and renew them before they expire.

    Args:
        profile: Profile to use, or None for ``AWS_PROFILE`` or the default one.
        region: Region for the calls that the chain itself makes (STS, SSO).

    Raises:
        SettingsError: There are no credentials, or the configured ones cannot be used.
    """
    found = await in_daemon_thread(lambda: find_credentials(profile, region))
    return RenewingCredentials(
        found, lambda: find_credentials(profile, region, may_prompt=False), time.time()
    )


def _not_renewed(error: SettingsError) -> ServiceStopped:
    return ServiceStopped(
        "The AWS credentials were refused and could not be renewed",
        where=error.where,
        why=error.why or error.what,
        next_step="renew them (for example: aws sso login), then run the same command again:"
        " the load resumes",
    )
