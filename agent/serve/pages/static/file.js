// The exported file: runs that lie compressed in the page itself. Nothing is asked for from anywhere.

import { ComparePage } from "./compare.js";
import { h } from "./dom.js";
import { Keys } from "./keys.js";
import { ListPage } from "./list.js";
import { linksInside, RunPage } from "./run.js";
import { holds, textOf, wanted } from "./search.js";

async function unpacked() {
  const packed = atob(document.getElementById("data").textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

class FileArchive {
  constructor(runs) {
    this.runs = runs;
    this.filters = "";
  }

  hasThoughts(run) {
    return run.has_thoughts;
  }

  async thoughts(run) {
    return run.thoughts;
  }

  async raw(run, step) {
    return run.raw[step] ?? [];
  }

  async list(query) {
    const words = wanted(query);
    const fits = (run) =>
      holds(
        [run.started.question, run.answer, ...run.steps.map((step) => textOf(step, null))]
          .join("\n")
          .toLowerCase(),
        words,
      );
    return { runs: this.runs.filter(fits).map((run) => run.summary), more: false };
  }
}

function show(root, runs) {
  const archive = new FileArchive(runs);
  const several = runs.length > 1;
  let page = null;
  let keys = null;
  const help = () => keys.help();
  const list = several ? "#" : null;
  const links = {
    list,
    help,
    run: (id, place = "") => `#${id}/${place}`,
    compare: (a, b) => `#compare/${a}/${b}`,
  };

  async function arrive(moved) {
    const hash = location.hash;
    const found = several ? runs.find((run) => hash.startsWith(`#${run.trace_id}/`)) : runs[0];
    const inside = found && linksInside(several ? `${found.trace_id}/` : "");
    if (found && page instanceof RunPage && page.run === found)
      return page.arrive(inside.read(hash) ?? {}, moved);
    const both = /^#compare\/([^/]+)\/([^/]+)$/
      .exec(hash)
      ?.slice(1)
      .map((id) => runs.find((run) => run.trace_id === id));
    if (found) page = new RunPage(archive, found, { ...links, ...inside });
    else if (both?.every(Boolean)) page = new ComparePage(...both, links);
    else page = new ListPage(archive, links);
    root.replaceChildren(page.element);
    keys?.stop();
    keys = new Keys(page.keys);
    if (page instanceof RunPage) {
      page.show(found);
      page.arrive(inside.read(hash) ?? {}, false);
    } else if (page instanceof ComparePage) page.arrived();
    else await page.load();
    scrollTo(0, page instanceof ComparePage ? scrollY : 0);
  }

  root.addEventListener("click", (event) => page instanceof RunPage && page.followed(event));
  addEventListener("popstate", () => arrive(false));
  return arrive(false);
}

const root = document.getElementById("app");
try {
  const began = performance.now();
  await show(root, (await unpacked()).runs);
  root.dataset.ready = String(Math.round(performance.now() - began));
} catch (error) {
  root.replaceChildren(
    h(
      "p",
      { class: "warning" },
      `This file cannot be shown: ${error.message}. It needs a browser of 2023 or later.`,
    ),
  );
  throw error;
}
