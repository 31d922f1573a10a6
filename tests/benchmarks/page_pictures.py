"""Pictures of the pages for the documentation, in light and dark, by headless Chromium.

``python tests/benchmarks/page_pictures.py FOLDER``
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from fakes.browser import Browser, Page, chromium
from fakes.served import served
from fakes.traced_runs import record_runs
from ossifrage import Settings
from ossifrage.agent.serve.service import Service

COLOURS = 128  # enough for pages of few colours, and a third of the size


def picture(page: Page, path: Path) -> None:
    page.until("!document.getElementById('status').classList.contains('shown')")
    page.browser.listen(0.5)
    page.picture(path)
    Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    out = Path(sys.argv[1])
    program = chromium()
    if program is None:
        sys.exit("There is no Chromium here: install it, or name it with OSSIFRAGE_CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        hasty, thorough = record_runs(home)
        with served(Service(Settings(home=home, engine="extractive"))) as server, Browser(program) as browser:
            views = {
                "page-run": f"/traces/{thorough}#source-2",
                "page-raw": f"/traces/{thorough}#step-2-raw",
                "page-list": "/traces",
                "page-compare": f"/compare/{hasty}/{thorough}",
            }
            for dark in (False, True):
                for name, where in views.items():
                    page = browser.page(width=1280, height=760, dark=dark)
                    page.open(server.url + where)
                    page.until("document.getElementById('app').dataset.ready")
                    if name == "page-run":
                        page.press("r")
                        page.until("document.querySelector('.rows details[open]')")
                    picture(page, out / f"{name}-{'dark' if dark else 'light'}.png")
                    page.close()
            narrow = browser.page(width=360, height=720, scale=2)
            narrow.open(f"{server.url}/traces/{thorough}")
            narrow.until("document.getElementById('app').dataset.ready")
            picture(narrow, out / "page-narrow.png")


if __name__ == "__main__":
    main()
