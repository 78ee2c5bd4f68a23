# SPDX-License-Identifier: Apache-2.0
"""The messages that the chat keeps, and their number."""

import os
import sqlite3
import tempfile
import threading
import unittest
from unittest import mock

import support
import logins
import rules
import store

ADA = logins.Login("a1", "Ada", "teal", 0)
BOB = logins.Login("b2", "Bob", "blue", 0)


class TheStore(unittest.TestCase):
    def setUp(self):
        self.clock = support.Clock(1700.5)
        self.store = store.Store(clock=self.clock)
        self.addCleanup(lambda: self.store.close())

    def say(self, text, key=None, login=ADA, room="general"):
        return self.store.add_message(room, login, text, key or f"key-{text}")

    def texts(self, *arguments):
        messages, more = self.store.messages("general", *arguments)
        return [message["text"] for message in messages], more

    def test_returns_messages_with_their_author_and_time(self):
        message, is_new = self.say("hello")
        self.assertTrue(is_new)
        self.assertEqual(message, {
            "id": 1, "room": "general", "text": "hello", "sent": 1700500,
            "key": "key-hello",
            "author": {"id": "a1", "name": "Ada", "color": "teal"}})
        self.assertEqual(self.store.messages("general"), ([message], False))
        self.assertEqual(self.store.messages("launch"), ([], False))

    def test_stores_a_key_of_an_author_once(self):
        first, _ = self.say("hello", "key-1")
        again, is_new = self.say("hello?", "key-1")
        self.assertFalse(is_new)
        self.assertEqual(again, first)
        other, is_new = self.say("hello", "key-1", BOB)
        self.assertTrue(is_new)
        self.assertNotEqual(other["id"], first["id"])

    def test_pages_backwards(self):
        for i in range(1, 2 * store.PAGE + 2):
            self.say(str(i))
        texts, more = self.texts()
        self.assertEqual((texts[0], texts[-1], len(texts), more),
                         (str(store.PAGE + 2), str(2 * store.PAGE + 1),
                          store.PAGE, True))
        texts, more = self.texts(store.PAGE + 2)
        self.assertEqual((texts[0], len(texts), more), ("2", store.PAGE, True))
        self.assertEqual(self.texts(2), (["1"], False))

    def test_forgets_the_oldest_of_a_room_that_is_full(self):
        with mock.patch.object(store, "MESSAGES_MAX", 3):
            self.say("elsewhere", room="launch")
            for text in "abcde":
                self.say(text)
        self.assertEqual(self.texts(), (["c", "d", "e"], False))
        self.assertEqual(len(self.store.messages("launch")[0]), 1)

    def test_never_uses_an_id_twice(self):
        with mock.patch.object(store, "MESSAGES_MAX", 0):
            self.say("gone")
        self.assertEqual(self.texts(), ([], False))
        message, _ = self.say("here")
        self.assertEqual(message["id"], 2)

    def test_lists_rooms_with_their_last_message(self):
        self.say("one")
        last, _ = self.say("two")
        rooms = {room["name"]: room["last"] for room in self.store.rooms()}
        self.assertEqual(rooms, {**dict.fromkeys(rules.ROOMS),
                                 "general": last})

    def test_takes_a_bounded_number_of_rooms(self):
        self.assertTrue(self.store.add_room("new"))
        self.assertFalse(self.store.add_room("new"))
        self.assertTrue(self.store.has_room("new"))
        for i in range(store.ROOMS_MAX - len(rules.ROOMS) - 1):
            self.store.add_room(f"room-{i}")
        with self.assertRaises(store.TooManyRooms):
            self.store.add_room("one-too-many")
        self.assertFalse(self.store.has_room("one-too-many"))

    def test_keeps_all_in_its_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "chat.sqlite")
            kept = store.Store(path)
            kept.add_message("general", ADA, "hello", "key-1")
            kept.add_room("new")
            secret = kept.secret()
            kept.close()
            kept = store.Store(path)
            self.addCleanup(kept.close)
            self.assertEqual(kept.messages("general")[0][0]["text"], "hello")
            self.assertTrue(kept.has_room("new"))
            self.assertEqual(kept.secret(), secret)

    def test_has_a_secret_of_its_own(self):
        other = store.Store()
        self.addCleanup(other.close)
        self.assertNotEqual(other.secret(), self.store.secret())

    def test_reports_an_unusable_file(self):
        with self.assertRaises(sqlite3.Error):
            store.Store("/nowhere/chat.sqlite")

    def test_serves_many_threads(self):
        threads = [threading.Thread(target=self.say, args=(f"{i}",))
                   for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(support.PATIENCE)
        texts, _ = self.texts()
        self.assertEqual(sorted(texts), sorted(f"{i}" for i in range(20)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
