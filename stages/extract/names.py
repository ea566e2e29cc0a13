"""From what somebody typed to the name that Trakt is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pipeline.errors import BadInput, NotFound

WHERE_THE_NAME_IS = "The name is the last part of the profile's address: trakt.tv/users/NAME."
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Name:
    """`typed` is the bare name somebody gave, `asked` is what stands in the request (not yet percent-encoded).

    `guessed` says that `asked` is only the usual slug of `typed`: a profile that answers counts only if it
    bears the typed name.
    """

    typed: str
    asked: str
    guessed: bool

    @property
    def slug(self) -> str:
        """What the profile is known by, as far as the name tells."""
        return self.asked.lower()

    def fits(self, username: str) -> bool:
        """Whether a profile with this username may be the one that was meant."""
        return not self.guessed or username.casefold() == self.typed.casefold()


def asked_name(typed: str) -> Name:
    """Turn a name, a pasted profile address or an `@name` into the name to ask for.

    Trakt wants the slug: lower case, and `-` for every other character; a dot in the path is taken for a file
    ending. Raises `BadInput` for what cannot be a name, `NotFound` where nothing is left of it.
    """
    name = _from_address(typed.strip()).strip().removeprefix("@").strip()
    if not name:
        raise BadInput("the username is empty", WHERE_THE_NAME_IS)
    if re.fullmatch(r"[^@\s]+@[^@\s]+", name):
        raise BadInput("this is an e-mail address", f"Trakt wants the username. {WHERE_THE_NAME_IS}")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise BadInput("half a character in the username", WHERE_THE_NAME_IS)
    if len(name) > LONGEST:
        raise BadInput(f"a username of {len(name)} characters", WHERE_THE_NAME_IS)
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return Name(name, name, guessed=False)
    slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")
    if not slug:
        raise NotFound(ascii(name), WHERE_THE_NAME_IS)
    return Name(name, slug, guessed=True)


def _from_address(text: str) -> str:
    """The name in a profile's address, or the text itself where it is no address."""
    if not re.match(r"(https?:)?//|([a-z]+\.)*trakt\.tv(/|$)", text, re.IGNORECASE):
        return text
    try:
        parts = urlsplit(text if "//" in text.split("?")[0] else f"//{text}")
        host = parts.hostname or ""
    except ValueError:
        raise BadInput("this is not an address", WHERE_THE_NAME_IS) from None
    if host != "trakt.tv" and not host.endswith(".trakt.tv"):
        raise BadInput("this is not an address at trakt.tv", WHERE_THE_NAME_IS)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    for place, segment in enumerate(segments[:-1]):
        if segment.lower() in ("users", "profile"):
            return segments[place + 1]
    raise BadInput("this address names no profile", WHERE_THE_NAME_IS)
