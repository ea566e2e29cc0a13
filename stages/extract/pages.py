"""From the bytes of an answer to its items, each as the slice of JSON that was received."""

from __future__ import annotations

import json
import re

import msgspec

_slices = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},]', re.DOTALL)


class Broken(Exception):
    """An answer that is no JSON, or not of the shape that was asked for: cut short, or a page for people."""


def items_of(body: bytes, paged: bool) -> list[bytes]:
    """The items of an answer, each a slice of JSON text in UTF-8; an answer that is not paged is one item.

    Raises `Broken` for what is no JSON. What is JSON but beyond the fast decoder (lone surrogates, NaN, very deep
    nesting) is still sliced.
    """
    if not paged:
        body = b"[" + body + b"]"
    try:
        slices = [bytes(item) for item in _slices.decode(body)]
        body.decode()
        return slices
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _patiently(body.decode(errors="replace").encode())


def _patiently(body: bytes) -> list[bytes]:
    text = body.strip()
    if not text.startswith(b"["):
        raise Broken("not a list")
    items, start, depth, end = [], 1, 0, 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if depth == 0 or (depth == 1 and mark == b","):
            items.append(text[start : token.start()].strip())
            start = token.end()
        if depth == 0:
            end = token.end() if mark == b"]" else 0
            break
    if end != len(text):
        raise Broken("cut short")
    if items == [b""]:
        return []
    for item in items:
        try:
            json.loads(item)
        except RecursionError:
            continue
        except ValueError:
            raise Broken("no JSON") from None
    return items
