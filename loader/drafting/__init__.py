"""Draft a first job file for an extract: it maps columns by name and content, and marks each guess."""

from loader.drafting.draft import Draft, draft_job

__all__ = ["Draft", "draft_job"]
