# SPDX-License-Identifier: Apache-2.0
"""The checks of the chat: every value from outside passes one of these.

Each function returns the value in its final form or raises BadInput, with a
sentence for the user that sent it.
"""

import json
import re
import unicodedata

COLORS = ("red", "orange", "green", "teal", "blue", "indigo", "violet", "pink")
ROOMS = ("general", "design", "launch", "coffee")  # Those of a new database.

NAME_MAX = 24       # Characters.
ROOM_MAX = 24
TEXT_MAX = 2000
BODY_MAX = 16384    # Bytes of a request.
CHANNELS_MAX = 100  # In one request for tokens.
ID_MAX = 2**53 - 1  # The largest exact integer of JavaScript.

ACTIVITY_CHANNEL = "private-chat"  # The news of all rooms.
ROOM_PREFIX = "presence-chat-"

_ROOM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")
_SEAT = re.compile(r"[a-z0-9]{8,32}")
_SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")


class BadInput(Exception):
    """A value breaks a rule; the text names the value and the rule."""


def body(data):
    """A request's body: a JSON object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadInput("the body must be a JSON object")
    return value


def name(value):
    """A person's name, without characters that make names look alike."""
    text = " ".join(unicodedata.normalize("NFC", _text("name", value)).split())
    _check_length("name", text, NAME_MAX)
    if any(unicodedata.category(c)[0] == "C" for c in text):
        raise BadInput("name must have visible characters only")
    return text


def color(value):
    if value not in COLORS:
        raise BadInput(f"color must be one of {', '.join(COLORS)}")
    return value


def room(value):
    """A room's name: lower-case words, joined by hyphens."""
    text = _text("room", value)
    _check_length("room", text, ROOM_MAX)
    if not _ROOM.fullmatch(text):
        raise BadInput("room must be lower-case letters, digits and single "
                       "hyphens between them")
    return text


def message_text(value):
    """A message's text: lines are kept, other control characters are not."""
    text = _text("text", value).replace("\r\n", "\n").strip()
    _check_length("text", text, TEXT_MAX)
    if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
        raise BadInput("text must have no control characters")
    return text


def key(value):
    """The sender's own name for a message, so that a retry is harmless."""
    if not _KEY.fullmatch(_text("key", value)):
        raise BadInput("key must be 8 to 64 letters, digits and hyphens")
    return value


def message_id(value):
    """A message's number, as it stands in a query."""
    if not re.fullmatch(r"[1-9][0-9]{0,15}", value) or int(value) > ID_MAX:
        raise BadInput("before must be the id of a message")
    return int(value)


def socket_id(value):
    if not _SOCKET_ID.fullmatch(_text("socket_id", value)):
        raise BadInput("socket_id must be two numbers with a dot between")
    return value


def seat(value):
    """Names one browser tab; see Logins."""
    if not _SEAT.fullmatch(value or ""):
        raise BadInput("X-Chat-Seat must be 8 to 32 letters and digits")
    return value


def channels(value):
    if (not isinstance(value, list) or not 1 <= len(value) <= CHANNELS_MAX
            or not all(isinstance(channel, str) for channel in value)):
        raise BadInput(f"channels must be 1 to {CHANNELS_MAX} names")
    return value


def is_ours(channel):
    """Whether the channel belongs to the chat."""
    return channel == ACTIVITY_CHANNEL or channel.startswith(ROOM_PREFIX)


def _text(what, value):
    if not isinstance(value, str):
        raise BadInput(f"{what} must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can hold half a surrogate pair.
        raise BadInput(f"{what} must be valid Unicode") from None
    return value


def _check_length(what, text, most):
    if not 1 <= len(text) <= most:
        raise BadInput(f"{what} must have 1 to {most} characters")
