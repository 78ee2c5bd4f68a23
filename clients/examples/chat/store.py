# SPDX-License-Identifier: Apache-2.0
"""Rooms and their messages, in SQLite.

All methods may be called from any thread. Results are ready for JSON.
"""

import secrets
import sqlite3
import threading
import time

import rules

PAGE = 50               # Messages loaded at once.
ROOMS_MAX = 40
MESSAGES_MAX = 5000     # In a room; the oldest are deleted.

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  room TEXT NOT NULL, author_id TEXT NOT NULL, author_name TEXT NOT NULL,
  author_color TEXT NOT NULL, text TEXT NOT NULL, sent INTEGER NOT NULL,
  key TEXT NOT NULL, UNIQUE (author_id, key));
CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);
CREATE TABLE IF NOT EXISTS secrets (secret BLOB NOT NULL);
"""


class TooManyRooms(Exception):
    """There are ROOMS_MAX rooms already."""


class Store:
    def __init__(self, path=":memory:", clock=time.time):
        """Opens or creates; raises sqlite3.Error if the file is unusable."""
        self._clock = clock
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        with self._database as database:
            database.executescript(_SCHEMA)
            if not database.execute("SELECT 1 FROM secrets").fetchone():
                database.execute("INSERT INTO secrets VALUES (?)",
                                 (secrets.token_bytes(32),))
                database.executemany("INSERT OR IGNORE INTO rooms VALUES (?)",
                                     [(room,) for room in rules.ROOMS])

    def close(self):
        with self._lock:
            self._database.close()

    def secret(self):
        """Signs the logins, which thus live as long as the database."""
        with self._lock:
            row = self._database.execute("SELECT secret FROM secrets")
            return row.fetchone()["secret"]

    def rooms(self):
        """All rooms by name, each with its last message, or None."""
        with self._lock:
            rows = self._database.execute(
                "SELECT r.name AS room_name, m.* FROM rooms r"
                " LEFT JOIN messages m ON m.id ="
                " (SELECT MAX(id) FROM messages WHERE room = r.name)"
                " ORDER BY r.name").fetchall()
        return [{"name": row["room_name"],
                 "last": _message(row) if row["id"] else None}
                for row in rows]

    def has_room(self, room):
        with self._lock:
            return self._has_room(room)

    def add_room(self, room):
        """Whether it is new; raises TooManyRooms."""
        with self._lock, self._database as database:
            if self._has_room(room):
                return False
            count, = database.execute("SELECT COUNT(*) FROM rooms").fetchone()
            if count >= ROOMS_MAX:
                raise TooManyRooms()
            database.execute("INSERT INTO rooms VALUES (?)", (room,))
            return True

    def add_message(self, room, login, text, key):
        """The message, and whether it is new: a key is stored once."""
        row = (room, login.user_id, login.name, login.color, text,
               int(self._clock() * 1000), key)
        with self._lock, self._database as database:
            found = self._by_key(login.user_id, key)
            if found:
                return found, False
            database.execute(
                "INSERT INTO messages (room, author_id, author_name,"
                " author_color, text, sent, key) VALUES (?,?,?,?,?,?,?)", row)
            database.execute(
                "DELETE FROM messages WHERE room = ? AND id <= (SELECT id FROM"
                " messages WHERE room = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (room, room, MESSAGES_MAX))
            return self._by_key(login.user_id, key), True

    def messages(self, room, before=rules.ID_MAX):
        """The last page before an id, oldest first; whether more came before.
        """
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM messages WHERE room = ? AND id < ?"
                " ORDER BY id DESC LIMIT ?",
                (room, before, PAGE + 1)).fetchall()
        page = [_message(row) for row in reversed(rows[:PAGE])]
        return page, len(rows) > PAGE

    def _has_room(self, room):
        return self._database.execute("SELECT 1 FROM rooms WHERE name = ?",
                                      (room,)).fetchone() is not None

    def _by_key(self, author_id, key):
        row = self._database.execute(
            "SELECT * FROM messages WHERE author_id = ? AND key = ?",
            (author_id, key)).fetchone()
        return _message(row) if row else None


def _message(row):
    return {"id": row["id"], "room": row["room"], "text": row["text"],
            "sent": row["sent"], "key": row["key"],
            "author": {"id": row["author_id"], "name": row["author_name"],
                       "color": row["author_color"]}}
