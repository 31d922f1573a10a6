// One table of keys for a page. They act only outside of fields, and never with Ctrl, Alt or Meta.

import { h } from "./dom.js";

export class Keys {
  /** `table` has rows `[keys, what they do, act]`; `act` may be null where the browser acts itself. */
  constructor(table) {
    this.table = [...table, [["?"], "this help", () => this.help()]];
    this.dialog = null;
    this.listener = (event) => this.pressed(event);
    document.addEventListener("keydown", this.listener);
  }

  /** Another page has keys of its own. */
  stop() {
    document.removeEventListener("keydown", this.listener);
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (
      event.target.closest?.("dialog") ||
      (event.target.closest?.("input, textarea, select") && event.key !== "Escape")
    )
      return;
    const row = this.table.find(([keys]) => keys.includes(event.key));
    if (row?.[2] && row[2](event) !== false) event.preventDefault();
  }

  help() {
    this.dialog?.remove();
    const rows = this.table.map(([keys, told]) => [
      h(
        "dt",
        {},
        keys.map((key) => h("kbd", {}, key)),
      ),
      h("dd", {}, told),
    ]);
    const close = h("button", { type: "button", click: () => this.dialog.close() }, "Close");
    this.dialog = h(
      "dialog",
      { "aria-label": "Keys" },
      h("h2", {}, "Keys"),
      h("dl", { class: "keys" }, rows),
      close,
    );
    document.body.append(this.dialog);
    this.dialog.showModal();
  }
}

/** Say something to those who listen to the page, and show it for a moment. */
export function announce(text) {
  const place = document.getElementById("status");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => place.classList.remove("shown"), 1600);
}
