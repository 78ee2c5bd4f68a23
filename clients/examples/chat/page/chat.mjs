// SPDX-License-Identifier: Apache-2.0
//
// The chat: logs in, connects to Herald, and joins the rooms with their views. A page has one
// login; when that ends, the page is loaded again.

/* global Herald */
import * as api from "./api.mjs";
import { Composer } from "./composer.mjs";
import { avatar, byId, element } from "./dom.mjs";
import { Light } from "./light.mjs";
import { LoginView } from "./login_view.mjs";
import { MessagesView } from "./messages_view.mjs";
import { closePanels, setUpPanels } from "./panels.mjs";
import { showPeople, showTyping } from "./people_view.mjs";
import { Room } from "./room.mjs";
import { RoomsView } from "./rooms_view.mjs";

class Chat {
  #me;
  #herald;
  #room;
  #rooms = new Map(); // Those that were open once, by name.
  #mustLoad = true; // The list of rooms, until it is done.
  #roomsView = new RoomsView((name) => this.#create(name));
  #messages = new MessagesView();
  #light = new Light();
  #composer = new Composer();

  constructor({ user, websocket, rooms }) {
    this.#me = user;
    this.#herald = new Herald(websocket, {
      authorizeAll: (channels, socketId) => api.heraldPasses(channels, socketId),
      onError: (error) => this.#failed(error),
    });
    this.#roomsView.set(rooms);
    this.#showLight();
    this.#showMe();
    this.#listenToActivity();
    this.#wire();
    this.#openFromAddress();
  }

  #showLight() {
    this.#light.show(this.#herald.state, this.#herald.reason);
    this.#herald.onStateChange(({ state, previous, reason }) => {
      this.#light.show(state, reason);
      if (previous === "connected") this.#room.lost();
    });
    this.#light.onReconnect = () => this.#herald.connect();
  }

  #showMe() {
    const logOut = element("button", "link", "Log out");
    logOut.addEventListener("click", async () => {
      await api.logOut().catch(() => {});
      this.#end();
    });
    byId("me").append(avatar(this.#me), element("span", "person-name", this.#me.name), logOut);
  }

  /** Receives the messages of all rooms, also of those that are not open. */
  #listenToActivity() {
    this.#herald.private("chat")
      .listen("message", (message) => this.#said(message))
      .listen("room", ({ name }) => this.#roomsView.add(name))
      .lost(() => {}) // Then `subscribed` is called as well, and loads.
      .subscribed(async ({ recovered }) => {
        if (recovered && !this.#mustLoad) return; // Herald recovers the missed messages.
        this.#mustLoad = true;
        try {
          this.#roomsView.set((await api.session()).rooms);
          this.#mustLoad = false;
        } catch (error) {
          this.#failed(error);
        }
      })
      .error((error) => this.#failed(error));
  }

  #wire() {
    this.#messages.onRetry = (key) => this.#room.retry(key);
    this.#messages.onDiscard = (key) => this.#room.discard(key);
    this.#messages.onOlder = () => this.#room.loadOlder();
    this.#composer.onTyping = (isTyping) => this.#room.typed(isTyping);
    this.#composer.onSend = (text) => {
      this.#messages.toEnd();
      this.#room.say(text);
    };
    window.addEventListener("hashchange", () => this.#openFromAddress());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#roomsView.read();
    });
  }

  #openFromAddress() {
    const wanted = location.hash.slice(1);
    this.#open(this.#roomsView.has(wanted) ? wanted : this.#roomsView.first);
  }

  #open(name) {
    closePanels();
    if (this.#room?.name === name) return;
    this.#room?.leave();
    this.#room = this.#rooms.get(name) ?? this.#makeRoom(name);
    this.#rooms.set(name, this.#room);
    this.#light.trouble("");
    this.#messages.clear();
    this.#roomsView.open(name);
    byId("room-title").textContent = name;
    this.#composer.open(name);
    this.#room.enter();
  }

  #makeRoom(name) {
    const room = new Room(name, this.#herald, this.#me);
    room.onChange = () => {
      if (room === this.#room) this.#show();
    };
    room.onNews = (message) => this.#said(message);
    room.onError = (error) => this.#failed(error);
    return room;
  }

  #show() {
    const { timeline, members, typing, loaded } = this.#room;
    this.#messages.show(timeline, this.#me, loaded);
    showPeople(members.values(), typing, this.#me);
    showTyping(members, typing, this.#me);
    if (loaded && members.size) this.#light.trouble("");
  }

  /** A message in any room; arrives twice if the room is open. */
  #said(message) {
    const isMine = message.author.id === this.#me.id;
    const isOpen = message.room === this.#room.name;
    if (isOpen && !isMine) {
      this.#messages.pointToEnd();
      byId("announcer").textContent = `${message.author.name}: ${message.text}`;
    }
    const isSeen = isOpen && !document.hidden && this.#messages.isAtEnd;
    this.#roomsView.said(message, !isMine && !isSeen);
  }

  async #create(name) {
    const room = await api.addRoom(name);
    this.#roomsView.add(room.name);
    location.hash = room.name;
  }

  /** Shows an error of background work in the line, unless it is retried. */
  #failed(error) {
    const cause = error.cause ?? error;
    if (cause.status === 401) this.#end();
    else if (cause instanceof api.ApiError) this.#light.trouble(`Trouble: ${cause.message}.`);
    else if (error.code === "unauthorized") this.#light.trouble(`Not let in: ${error.reason}.`);
    else console.warn(error);
  }

  #end() {
    this.#herald.disconnect();
    location.reload();
  }
}

async function main() {
  setUpPanels();
  const login = new LoginView(async (name, color) => begin(await api.logIn(name, color)));
  const begin = (session) => {
    login.hide();
    return new Chat(session);
  };
  try {
    begin(await api.session());
  } catch (error) {
    login.show(error.status === 401 ? "" : `That did not work: ${error.message}.`);
    if (!(error instanceof api.ApiError)) throw error;
  }
}

main();
