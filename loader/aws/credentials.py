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
from dataclasses import dataclass
from typing import NoReturn, Protocol

import botocore.session
from botocore.exceptions import CredentialRetrievalError

from loader.aws.session import open_session, profile_name
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

MOST_HELPER_CHARS = 200
"""Limit of the output of a credential helper in the debug log."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """The result of a look-up.

    Attributes:
        credentials: The key.
        expires_at: Expiry in epoch seconds; infinity if there is none or it is unknown.
    """

    credentials: Credentials
    expires_at: float = math.inf


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


def find_credentials(profile: str | None, region: str | None, *, may_prompt: bool = True) -> FoundCredentials:
    """Run botocore's credential chain once. Blocks.

    Args:
        profile: Profile to use, or None for ``AWS_PROFILE`` or the default one.
        region: Region for the calls that the chain itself makes (STS, SSO).
        may_prompt: Whether a role that needs an MFA code may prompt for it on the terminal.

    Raises:
        SettingsError: There are no credentials, or the configured ones cannot be used.
    """
    session = open_session(profile, region)
    providers = session.get_component("credential_provider")
    if not may_prompt:
        # A session offers no way to set the provider's argument for this.
        providers.get_provider("assume-role")._prompter = _refuse_to_prompt  # noqa: SLF001
    try:
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
    except CredentialRetrievalError as error:
        raise _helper_failed(session, error) from None
    except Exception as error:  # the chain runs foreign code: helpers, parsers, plugins
        raise SettingsError(
            "The configured AWS credentials could not be used.",
            where=f"profile '{profile_name(session)}'",
            why=f"{type(error).__name__}: {error}",
            next_step="check the profile or the environment variables, or log in again (aws sso login)",
        ) from error
    if frozen is None:
        raise _none_found(session, [provider.METHOD for provider in providers.providers])
    # botocore has no public attribute for the expiry. Keys that do not expire lack this one.
    expiry = getattr(credentials, "_expiry_time", None)
    return FoundCredentials(
        Credentials(_key_text(frozen.access_key), _key_text(frozen.secret_key), _token_text(frozen.token)),
        math.inf if expiry is None else expiry.timestamp(),
    )


def _helper_failed(session: botocore.session.Session, error: CredentialRetrievalError) -> SettingsError:
    """Return the error for a failed provider. It omits the helper's output, which may contain a secret."""
    provider = error.kwargs.get("provider", "")
    _log.debug("Output of a helper for AWS credentials: %s", str(error)[:MOST_HELPER_CHARS])
    return SettingsError(
        "The configured AWS credentials could not be used.",
        where=f"profile '{profile_name(session)}'",
        why=f"the provider '{provider}' failed (credential_process, if one is configured); --debug shows the"
        " start of its output",
        next_step="run the configured helper by itself, or check the profile or the environment variables",
    )


def _not_renewed(error: SettingsError) -> ServiceStopped:
    return ServiceStopped(
        "The AWS credentials were refused and could not be renewed",
        where=error.where,
        why=error.why or error.what,
        next_step="renew them (for example: aws sso login), then run the same command again:"
        " the load resumes",
    )


def _none_found(session: botocore.session.Session, methods: list[str]) -> SettingsError:
    return SettingsError(
        "No AWS credentials were found.",
        where=f"profile '{profile_name(session)}'",
        why=f"sources tried, in this order: {', '.join(methods)}",
        next_step="set AWS_PROFILE or --profile, log in (aws sso login), or set AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY",
    )


def _refuse_to_prompt(_text: str) -> NoReturn:
    raise RuntimeError("the role needs an MFA code, and only the start of a load prompts for one")


def _token_text(value: str | None) -> str | None:
    return _key_text(value) if value else None


def _key_text(value: str) -> str:
    """Return a part of a key without surrounding white space, such as a pasted line end."""
    text = value.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(
            "The AWS credentials are damaged.",
            why="an access key, secret or token is empty or contains blanks or special characters",
            next_step="set them again",
        )
    return text
