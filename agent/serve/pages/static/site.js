// The pages of `ossifrage serve`: the same as in an exported file, with the runs asked for from the server.

import { AskPage } from "./ask.js";
import { ComparePage } from "./compare.js";
import { h } from "./dom.js";
import { Keys } from "./keys.js";
import { ListPage } from "./list.js";
import { linksInside, RunPage } from "./run.js";

async function asked(address) {
  const response = await fetch(address, { headers: { accept: "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `The server answers with ${response.status}.`);
  return answer;
}

class SiteArchive {
  filters =
    "engine:vllm · model:20b · stop:partial · unverified:yes · mended:yes · since:2d · tokens:>5000 · “words in quotes”";

  constructor() {
    this.known = new Map();
  }

  run(id) {
    return asked(`/traces/${encodeURIComponent(id)}.json`);
  }

  hasThoughts(run) {
    return run.has_thoughts;
  }

  /** Thoughts are asked for when somebody wants to see them, and not before. */
  thoughts(run) {
    if (!run.ended || !this.known.has(run.trace_id))
      this.known.set(run.trace_id, asked(`/traces/${encodeURIComponent(run.trace_id)}/thoughts.json`));
    return this.known.get(run.trace_id);
  }

  raw(run, step, thoughts) {
    return asked(
      `/traces/${encodeURIComponent(run.trace_id)}/raw/${step}.json${thoughts ? "?thoughts=1" : ""}`,
    );
  }

  async list(words, before) {
    try {
      return await asked(`/traces.json?${new URLSearchParams({ q: words, ...(before ? { before } : {}) })}`);
    } catch (error) {
      return { runs: [], more: false, error: error.message };
    }
  }
}

const archive = new SiteArchive();
const root = document.getElementById("app");
let keys = null;
const links = {
  list: "/traces",
  ask: "/",
  help: () => keys.help(),
  run: (id, place = "") => `/traces/${encodeURIComponent(id)}${place && `#${place}`}`,
  compare: (a, b) => `/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}`,
  typed: (words) =>
    history.replaceState(
      history.state,
      "",
      words ? `?${new URLSearchParams({ q: words })}` : location.pathname,
    ),
};

function mount(page) {
  root.replaceChildren(page.element);
  keys = new Keys(page.keys);
}

/** A run, and what comes while it goes on. */
async function showRun(id) {
  const run = await archive.run(id);
  const inside = linksInside();
  const page = new RunPage(archive, run, { ...links, ...inside });
  page.live = !run.ended;
  mount(page);
  page.show(run);
  page.arrive(inside.read(location.hash) ?? {}, false);
  root.addEventListener("click", (event) => page.followed(event));
  addEventListener("popstate", () => page.arrive(inside.read(location.hash) ?? {}, false));
  if (!page.live) return;
  const events = new EventSource(`/traces/${encodeURIComponent(run.trace_id)}/events`);
  events.addEventListener("steps", (event) => page.grow(JSON.parse(event.data)));
  events.addEventListener("ended", async () => {
    events.close();
    page.live = false;
    page.show(await archive.run(run.trace_id));
  });
}

async function start() {
  const parts = location.pathname.split("/").slice(1).map(decodeURIComponent);
  if (parts[0] === "traces" && parts[1]) await showRun(parts[1]);
  else if (parts[0] === "compare") {
    const page = new ComparePage(
      ...(await Promise.all([archive.run(parts[1]), archive.run(parts[2])])),
      links,
    );
    mount(page);
    page.arrived();
  } else if (parts[0] === "traces") {
    const page = new ListPage(archive, links);
    page.field.value = new URLSearchParams(location.search).get("q") ?? "";
    mount(page);
    await page.load();
  } else {
    const page = new AskPage(archive, links);
    mount(page);
    page.arrived();
  }
}

try {
  await start();
} catch (error) {
  root.replaceChildren(
    h(
      "main",
      { class: "list" },
      h("h1", {}, "This cannot be shown"),
      h("p", { class: "warning" }, error.message),
      h("p", {}, h("a", { href: links.list }, "All runs")),
    ),
  );
}
root.dataset.ready = "1";
