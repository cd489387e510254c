"""A first job file for an extract: what its columns probably are, every guess marked as one."""

from loader.drafting.draft import Draft, draft_job

__all__ = ["Draft", "draft_job"]
