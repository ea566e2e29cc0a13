"""The profile: whether there is one, whether it may be read, and what it is called."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.errors import ConfigurationError, NotFound, PrivateProfile, Unavailable
from stages.extract.cleaning import Notes, Unreadable, clean
from stages.extract.client import Answer, Guest, Refused
from stages.extract.endpoints import PROFILE
from stages.extract.names import WHERE_THE_NAME_IS, Name

OPEN_FOR_A_WHILE = "It may be made public for the time of the import, in Trakt's settings."
# What a key of any standing may read: it tells a dead key from a private profile.
NEUTRAL = "/movies/1"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who answered. `slug` is what everything of the user is filed under; `trakt_id` is None where Trakt hides it."""

    username: str
    slug: str
    trakt_id: int | None


def path_of(user: str) -> str:
    """Where everything of a user is asked for."""
    return f"/users/{quote(user, safe='')}"


async def meet(client: Guest, name: Name, asked: str) -> tuple[Profile, Answer]:
    """Ask for the profile `asked`; it counts only if it fits the name that somebody gave.

    Raises `NotFound`, `PrivateProfile`, `ConfigurationError` ("API key refused"), `Unavailable`, `RateLimited`.
    """
    try:
        answer = await client.get(path_of(asked))
    except Refused as refusal:
        raise await _ending(client, name, asked, refusal) from None
    if not answer.items:
        raise NotFound(ascii(name.typed), WHERE_THE_NAME_IS)
    try:
        user = clean(json.loads(answer.items[0]), PROFILE.items, Notes())
    except (Unreadable, ValueError, RecursionError):
        user = None
    if user is None or (user.username is None and user.ids is None):
        raise Unavailable("the profile's answer cannot be read", "Try again later.")
    return introduced(user, name, asked), answer


def introduced(user: Any, name: Name, asked: str) -> Profile:
    """Who the profile (a row of its endpoint) says that it is; raises `NotFound`, `PrivateProfile`."""
    username = user.username or asked
    if user.deleted or not name.fits(username):
        raise NotFound(ascii(name.typed), WHERE_THE_NAME_IS)
    if user.private:
        raise PrivateProfile(ascii(name.typed), OPEN_FOR_A_WHILE)
    slug = user.ids.slug if user.ids else None
    if slug is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", slug):
        # It names folders, so only what cannot lead out of them.
        slug = asked.lower()
    return Profile(username, slug, user.ids.trakt if user.ids else None)


async def _ending(client: Guest, name: Name, asked: str, refusal: Refused) -> Exception:
    who = ascii(name.typed)
    match refusal.status:
        case 401 | 423:
            return PrivateProfile(who, OPEN_FOR_A_WHILE)
        case 403 | 426:
            if not refusal.private and await _refuses_all(client):
                return ConfigurationError(
                    f"Trakt answers {refusal.status} to everything",
                    "See whether the app of this client id still exists; it lives as long as its owner's VIP.",
                    text="API key refused",
                )
            return PrivateProfile(who, OPEN_FOR_A_WHILE)
        case 404 if refusal.private or await _is_closed(client, asked):
            return PrivateProfile(who, OPEN_FOR_A_WHILE)
        case 400 | 404 | 405 | 410 | 412:
            return NotFound(who, WHERE_THE_NAME_IS)
        case status:
            return Unavailable(f"the profile answered {status}", "Try again later.")


async def _refuses_all(client: Guest) -> bool:
    try:
        await client.get(NEUTRAL)
    except Refused as refusal:
        return refusal.status in (401, 403, 426)
    return False


async def _is_closed(client: Guest, asked: str) -> bool:
    """Whether a profile that hides itself behind a 404 still says elsewhere that it is private, as old replies do."""
    try:
        await client.get(f"{path_of(asked)}/history", {"page": 1, "limit": 1}, paged=True)
    except Refused as refusal:
        return refusal.private or refusal.status == 401
    return False
