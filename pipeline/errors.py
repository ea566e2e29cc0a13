"""Every way an import can end badly, as one hierarchy: a text, a hint that says what to do next, an exit code.

TraktImportError
├── BadInput            2   what the user typed or gave cannot be used
│   └── Superseded      2   the run is older than what stands in the user's library
├── ConfigurationError  3   key, settings or catalogue are not ready
├── NotFound            4   no such profile
├── PrivateProfile      5   the profile shows nothing to strangers
├── RateLimited         6   the limit did not open in time
├── Unavailable         6   Trakt did not answer in time
├── DatabaseError       7   the application database cannot be used
├── StorageError        7   the staged files cannot be read or written
├── Running             8   another process imports this user
└── Unbalanced          1   our own books do not balance
"""

from __future__ import annotations


class TraktImportError(Exception):
    """An ending that the user is told about in one line, with a second line that helps."""

    exit_code = 1
    text = "Something went wrong"

    def __init__(self, detail: str = "", hint: str = "", text: str | None = None) -> None:
        """`detail` completes the fixed `text` of the ending; `hint` says what to do next."""
        self.detail = detail
        self.hint = hint
        if text is not None:
            self.text = text
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The first line: the fixed text, then what exactly."""
        return f"{self.text}: {self.detail}" if self.detail else self.text


class BadInput(TraktImportError):
    """A name, option or file that cannot be used as it is."""

    exit_code = 2
    text = "Bad input"


class Superseded(BadInput):
    """A run that is not to be loaded any more, since a later one of the same user is."""


class ConfigurationError(TraktImportError):
    """A setting that is missing or wrong; `text` tells which kind."""

    exit_code = 3
    text = "Configuration is wrong"


class NotFound(TraktImportError):
    """Trakt knows no profile of that name, or only a deleted one."""

    exit_code = 4
    text = "Username not found"


class PrivateProfile(TraktImportError):
    """The profile exists and is closed to strangers."""

    exit_code = 5
    text = "Profile is private"


class RateLimited(TraktImportError):
    """One request would have waited longer than `TRAKT_MAX_WAIT` for the rate limit."""

    exit_code = 6
    text = "Rate limit exceeded"


class Unavailable(TraktImportError):
    """One request failed for longer than `TRAKT_PATIENCE`."""

    exit_code = 6
    text = "Trakt is unavailable"


class DatabaseError(TraktImportError):
    """The application database cannot be reached, opened, or written."""

    exit_code = 7
    text = "Database is unavailable"


class StorageError(TraktImportError):
    """A file under `DATA_URL` cannot be read or written."""

    exit_code = 7
    text = "Storage is unavailable"


class Running(TraktImportError):
    """Another process holds this user's lock."""

    exit_code = 8
    text = "Import is running"


class Unbalanced(TraktImportError):
    """An equation over our own files does not hold: a bug, never the user's doing."""

    exit_code = 1
    text = "The report does not balance"
