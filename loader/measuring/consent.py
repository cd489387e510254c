"""Whether an instance may be measured: asked of the instance itself, before anything is sent to it."""

from typing import Any
from urllib.parse import quote

from loader.errors import SettingsError
from loader.measuring.resources import ResourceClient

TAG_KEY, TAG_VALUE = "scn-loader-measure", "allowed"
"""The tag with which the owner of an instance allows a measurement."""

INSTANCE_PATH = "/api/instance/{instance_id}"
TAGS_PATH = "/api/tags/{arn}"
"""``http.requestUri`` of GetInstance and ListTagsForResource in the service model 2024-01-01."""


async def check_consent(resources: ResourceClient, instance_id: str, region: str) -> None:
    """Return if the instance carries the tag that allows a measurement.

    Args:
        resources: Makes the calls.
        instance_id: UUID of the instance.
        region: Its Region.

    Raises:
        SettingsError: It does not.
        LoaderError: The service does not say.
    """
    answer = await resources.ask("GET", INSTANCE_PATH.format(instance_id=instance_id), action="GetInstance")
    arn = _arn_of(answer, instance_id, region)
    told = await resources.ask("GET", TAGS_PATH.format(arn=quote(arn, safe="")), action="ListTagsForResource")
    tags = told.get("tags")
    if not isinstance(tags, dict) or tags.get(TAG_KEY) != TAG_VALUE:
        raise SettingsError(
            "The instance does not allow a measurement, so nothing was sent to it.",
            where=arn,
            why=f"it has no tag {TAG_KEY} = {TAG_VALUE}, with which its owner agrees to thousands of calls",
            next_step="measure an instance that serves no one else, and tag it before:\n"
            f"aws supplychain tag-resource --resource-arn {arn} --tags {TAG_KEY}={TAG_VALUE} "
            f"--region {region}",
        )


def _arn_of(answer: dict[str, Any], instance_id: str, region: str) -> str:
    described = answer.get("instance")
    account = described.get("awsAccountId") if isinstance(described, dict) else None
    if not isinstance(account, str) or not (account.isascii() and account.isdecimal()):
        raise SettingsError(
            "The endpoint does not describe the instance, so nothing was sent to it.",
            where=f"instance {instance_id}",
            why="the answer to GetInstance holds no account",
            next_step="check --endpoint-url",
        )
    return f"arn:aws:scn:{region}:{account}:instance/{instance_id}"
