"""One look-up of credentials through botocore's chain. It blocks.

The chain reads profile files and runs helper processes, STS, SSO and instance metadata. An error never
contains the output of a helper, because the output may contain a secret.
"""

import logging
import math
import os
import sys
from dataclasses import dataclass
from typing import NoReturn

import botocore.session
from botocore.exceptions import CredentialRetrievalError

from loader.aws.session import open_session, profile_name
from loader.aws.signing import Credentials
from loader.errors import SettingsError

MOST_HELPER_CHARS = 200
"""Limit of the output of a credential helper in the debug log."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """The result of a look-up.

    Attributes:
        credentials: The key.
        expires_at: Expiry in epoch seconds; infinity without an expiry or if it is unknown.
    """

    credentials: Credentials
    expires_at: float = math.inf


def find_credentials(profile: str | None, region: str | None, *, may_prompt: bool = True) -> FoundCredentials:
    """Run botocore's credential chain once. Blocks.

    Args:
        profile: Profile to use, or None for ``AWS_PROFILE`` or the default one.
        region: Region for the calls that the chain itself makes (STS, SSO).
        may_prompt: Whether a role that needs an MFA code may prompt for it on the terminal, if there is one.

    Raises:
        SettingsError: There are no credentials, or the configured ones cannot be used.
    """
    session = open_session(profile, region)
    providers = session.get_component("credential_provider")
    if not (may_prompt and _has_terminal()):
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


def _none_found(session: botocore.session.Session, methods: list[str]) -> SettingsError:
    return SettingsError(
        "No AWS credentials were found.",
        where=f"profile '{profile_name(session)}'",
        why=f"sources tried, in this order: {', '.join(methods)}",
        next_step="set AWS_PROFILE or --profile, log in (aws sso login), or set AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY",
    )


def _refuse_to_prompt(_text: str) -> NoReturn:
    raise RuntimeError(
        "the role needs an MFA code, and a load prompts for one only at its start on a terminal"
    )


def _has_terminal() -> bool:
    """Return whether a code can be typed. Without a terminal it would be read from standard input."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True


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
