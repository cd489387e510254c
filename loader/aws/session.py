"""The user's AWS configuration, as botocore reads it from the environment and the profile files."""

import os

import botocore.session
from botocore.exceptions import BotoCoreError

from loader.errors import SettingsError


def open_session(profile: str | None, region: str | None) -> botocore.session.Session:
    """Return a botocore session for a profile and region.

    The region is the argument, else ``AWS_REGION`` (which botocore ignores, but the other SDKs read and
    the containers of AWS set), else ``AWS_DEFAULT_REGION``, else the region of the profile.

    Args:
        profile: Profile to use, or None for ``AWS_PROFILE`` or the default one.
        region: Region to use, or None for the configured one.

    Raises:
        SettingsError: The profile does not exist or a configuration file cannot be read.
    """
    session = botocore.session.Session(profile=profile)
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region and region.strip():  # a line end often comes with a value from a file
        # It also applies to the calls that botocore itself makes for credentials, to STS or SSO.
        session.set_config_variable("region", region.strip())
    try:
        session.get_scoped_config()
    except (BotoCoreError, OSError, ValueError) as error:
        raise SettingsError(
            "The AWS configuration cannot be used.",
            where=f"profile '{profile_name(session)}'",
            why=str(error),
            next_step="check --profile, AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        ) from error
    return session


def profile_name(session: botocore.session.Session) -> str:
    """Return the name of the profile that a session reads."""
    return session.get_config_variable("profile") or "default"
