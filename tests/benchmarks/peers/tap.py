"""Runs tap-shopify on the sandbox: the stream ``products`` with all its fields, whose messages go to a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import shim

if __name__ == "__main__":
    sandbox, folder = sys.argv[1], Path(sys.argv[2])
    shim.install(sandbox)
    import tap_shopify
    from tap_shopify.context import Context

    Context.config = {
        "shop": shim.HOST,
        "access_token": shim.TOKEN,
        "start_date": "2015-01-01T00:00:00Z",
        "date_window_size": "10000",
    }
    catalog = tap_shopify.discover()
    catalog["streams"] = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "products"]
    for stream in catalog["streams"]:
        for part in stream["metadata"]:
            if part["metadata"].get("inclusion") != "unsupported":
                part["metadata"]["selected"] = True
        if not any(part["breadcrumb"] == () for part in stream["metadata"]):
            stream["metadata"].append({"breadcrumb": (), "metadata": {"selected": True}})
    paths = {"config": Context.config, "catalog": catalog}
    arguments = ["tap-shopify"]
    for name, content in paths.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        arguments += [f"--{name}", str(path)]
    sys.argv = arguments
    tap_shopify.main()
