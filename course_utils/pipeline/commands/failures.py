"""What a failed command says: one message with a remedy, also where the operating system is what refused."""

from __future__ import annotations

import errno

_DISK = {
    errno.ENOSPC: "free some space or choose another --out; nothing half-written is left, and finished work is kept",
    errno.EDQUOT: "the quota is used up: free some space or choose another --out",
    errno.EROFS: "choose another --out, where you may write",
    errno.EACCES: "choose another --out, where you may write, or change the rights",
}


def in_words(error: Exception) -> str:
    """The message of an error; a full disk and a folder that cannot be written get their remedy, settings a line for each."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        from course_utils.pipeline.config import said

        return "\n".join(line.removeprefix(": ") for line in said(error))
    remedy = _DISK.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return f"{error}; {remedy}" if remedy else str(error)
