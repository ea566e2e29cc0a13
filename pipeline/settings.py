"""The settings: the process environment first, then a `.env` file in the working directory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pipeline.errors import ConfigurationError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
Database = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class Settings:
    """One field for each setting that the README lists; read once, passed on."""

    client_id: str | None = field(default=None, repr=False)
    api_url: str = "https://api.trakt.tv"
    database_url: str = field(default="sqlite:///data/app.db", repr=False)
    data_url: str = "data"
    queue_url: str | None = field(default=None, repr=False)
    patience: float = 600.0
    max_wait: float = 3600.0
    full_read_days: int = 14
    retention_days: int = 0
    serve_token: str | None = field(default=None, repr=False)
    log_format: Literal["text", "json"] = "text"

    @property
    def database(self) -> Database:
        """The kind of `database_url`."""
        return "sqlite" if self.database_url.startswith("sqlite:") else "postgresql"

    def require_client_id(self) -> str:
        """The API key; `ConfigurationError` before any request where there is none."""
        if self.client_id is None:
            raise ConfigurationError(
                hint="Set TRAKT_CLIENT_ID in the environment or in .env; the README tells how to get a client id.",
                text="API key not configured",
            )
        return self.client_id


def load_settings(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Settings:
    """Read every setting. An empty value counts as missing, and hides the one in `.env`.

    Raises `ConfigurationError`, naming the setting, for a value that cannot be used.
    """
    values = {**_dotenv((folder or Path.cwd()) / ".env"), **environ}

    def text(name: str) -> str | None:
        value = values.get(name, "").strip()
        return value or None

    def number(name: str, default: float) -> float:
        value = text(name)
        if value is None:
            return default
        try:
            parsed = float(value)
        except ValueError:
            parsed = -1.0
        if not 0 <= parsed < float("inf"):
            raise ConfigurationError(
                f"{name} is {value!r}", f"{name} takes a number that is not negative, such as {default:g}."
            )
        return parsed

    client_id = text("TRAKT_CLIENT_ID")
    if client_id is not None and not re.fullmatch("[!-~]+", client_id):
        raise ConfigurationError(
            "TRAKT_CLIENT_ID holds a character that no key has", "Copy the client id anew from Trakt's settings."
        )
    log_format = text("LOG_FORMAT") or "text"
    if log_format not in ("text", "json"):
        raise ConfigurationError(f"LOG_FORMAT is {log_format!r}", "LOG_FORMAT is text or json.")
    return Settings(
        client_id=client_id,
        api_url=_api_url(text("TRAKT_API_URL") or Settings.api_url),
        database_url=_database_url(text("DATABASE_URL") or "sqlite:///data/app.db"),
        data_url=_data_url(text("DATA_URL") or Settings.data_url),
        queue_url=text("QUEUE_URL"),
        patience=number("TRAKT_PATIENCE", Settings.patience),
        max_wait=number("TRAKT_MAX_WAIT", Settings.max_wait),
        full_read_days=int(number("FULL_READ_DAYS", Settings.full_read_days)),
        retention_days=int(number("RETENTION_DAYS", Settings.retention_days)),
        serve_token=text("SERVE_TOKEN"),
        log_format="json" if log_format == "json" else "text",
    )


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for binding in parse_stream(stream):
                if binding.error:
                    raise ConfigurationError(
                        f".env, line {binding.original.line} cannot be read",
                        "Each line of .env is NAME=value, with quotes closed; blank lines and # comments are fine.",
                    )
                if binding.key is not None:
                    values[binding.key] = binding.value or ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f".env cannot be read ({type(error).__name__})", "Save .env as UTF-8 text.") from None
    return values


def _api_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError("TRAKT_API_URL is not a URL", "Leave it out for https://api.trakt.tv.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(
            "TRAKT_API_URL is plain http", "The key would travel in clear: use https, or a loopback address."
        )
    return url.rstrip("/")


def _database_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return f"sqlite://{rest}"
    if scheme in ("postgresql", "postgres") and "://" in url:
        return f"postgresql://{rest}"
    told = "names no file" if scheme == "sqlite" else f"has the scheme {scheme!r}" if "://" in url else "is not a URL"
    raise ConfigurationError(
        f"DATABASE_URL {told}",
        "DATABASE_URL is sqlite:///PATH (four slashes for an absolute path) or postgresql://….",
    )


def _data_url(url: str) -> str:
    if "://" in url:
        raise ConfigurationError(
            f"DATA_URL has the scheme {url.partition('://')[0]!r}", "DATA_URL is a local folder, such as data."
        )
    return url
