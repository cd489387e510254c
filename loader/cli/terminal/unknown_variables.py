"""Environment variables that look like settings but do not name one. A typing error would have no effect."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping

from loader.job.refusal import ENV_PREFIX

log = logging.getLogger(__name__)

OWN_VARIABLES = ("SUMMARY_JSON", "METRICS_FILE", "PROGRESS", "TITLE", "BELL", "LOG_FORMAT")
"""Variables of flags of ``load`` that are not settings of a job."""


def warn_of_unknown_variables(environment: Mapping[str, str], settings: Iterable[str]) -> None:
    """Log a warning for each variable with the prefix of settings that does not name one."""
    for sentence in unknown_variables(environment, settings):
        log.log(logging.WARNING, sentence.replace("%", "%%"))  # not as an argument: such lines are folded


def unknown_variables(environment: Mapping[str, str], settings: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each variable with the prefix of settings that does not name one.

    Args:
        environment: The environment variables.
        settings: Names of the settings of a job.
    """
    known = [name.upper() for name in (*settings, *OWN_VARIABLES)]
    for name in sorted(environment):
        setting = name.upper().removeprefix(ENV_PREFIX)
        if name.upper().startswith(ENV_PREFIX) and setting not in known:
            near = difflib.get_close_matches(setting, known, 1)  # the prefix alone would be near enough
            hint = f" Did you mean {ENV_PREFIX}{near[0]}?" if near else ""
            yield f"The environment variable {name} is not a setting and is ignored.{hint}"
