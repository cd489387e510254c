"""Check that the owner of an instance permits a measurement, before anything is sent to it."""

from typing import Any
from urllib.parse import quote

from loader.errors import SettingsError
from loader.measuring.resources import ResourceClient

TAG_KEY, TAG_VALUE = "scn-loader-measure", "allowed"
"""The tag with which the owner of an instance permits a measurement."""

INSTANCE_PATH = "/api/instance/{instance_id}"
TAGS_PATH = "/api/tags/{arn}"
"""``http.requestUri`` of GetInstance and ListTagsForResource in the service model 2024-01-01."""


async def check_consent(resources: ResourceClient, instance_id: str, region: str) -> None:
    """Return if the instance has the tag that permits a measurement; raise otherwise.

    Args:
        resources: Makes the calls.
        instance_id: UUID of the instance.
        region: Its Region.

    Raises:
        SettingsError: The instance does not have the tag.
        LoaderError: The service did not answer.
    """
    answer = await resources.ask("GET", INSTANCE_PATH.format(instance_id=instance_id), action="GetInstance")
    arn = _arn_of(answer, instance_id, region)
    tags_path = TAGS_PATH.format(arn=quote(arn, safe=""))
    tags = (await resources.ask("GET", tags_path, action="ListTagsForResource")).get("tags")
    if not isinstance(tags, dict) or tags.get(TAG_KEY) != TAG_VALUE:
        raise SettingsError(
            "The instance does not permit a measurement, so nothing was sent to it.",
            where=arn,
            why=f"the tag {TAG_KEY} = {TAG_VALUE} is missing; with it the owner agrees to thousands of calls",
            next_step="use an instance without other users, and tag it first:\n"
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
            why="the answer to GetInstance does not contain an account",
            next_step="check --endpoint-url",
        )
    return f"arn:aws:scn:{region}:{account}:instance/{instance_id}"
