"""Writes a picture of each page of the console: ``python -m tests.browser.pictures docs/pictures``."""

import base64
import os
import sys
from pathlib import Path

from tests.browser.pages import all_paths
from tests.browser.world import BROWSER_PACKAGES, CHROMIUM, browser_world

LOOKS = {"": ("light", 1280, 820), "-dark": ("dark", 1280, 820), "-phone": ("light", 390, 780)}
ALSO = {"-dark": ("customers", "health"), "-phone": ("customers", "settings")}


def main(folder):
    sys.path.append(str(BROWSER_PACKAGES))
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with browser_world() as world, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=list(CHROMIUM)
        )
        for look, (scheme, width, height) in LOOKS.items():
            context = chromium.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
            )
            context.add_cookies([{"name": "_token", "value": world.token(), "url": world.url}])
            page = context.new_page()
            page.set_default_timeout(120_000)
            camera = context.new_cdp_session(page)
            for name, path in all_paths(world).items():
                if look and name not in ALSO[look]:
                    continue
                page.goto(f"{world.console}{path}")
                page.wait_for_timeout(300)
                shot = camera.send("Page.captureScreenshot", {"format": "webp", "quality": 60})
                file = folder / f"{name}{look}.webp"
                file.write_bytes(base64.b64decode(shot["data"]))
                print(f"{file} {file.stat().st_size // 1024} KiB")
            context.close()
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
