"""Runs airbyte-source-shopify on the sandbox: ``read`` of the stream ``products``, whose messages go to a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import shim

if __name__ == "__main__":
    sandbox, folder = sys.argv[1], Path(sys.argv[2])
    shim.install(sandbox)
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "shop": shim.SHOP,
                "start_date": "2015-01-01",
                "bulk_window_in_days": 10_000,
                "credentials": {"auth_method": "api_password", "api_password": shim.TOKEN},
            }
        )
    )
    catalog = folder / "catalog.json"
    stream = {"name": "products", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    catalog.write_text(
        json.dumps(
            {
                "streams": [
                    {
                        "stream": stream,
                        "sync_mode": "incremental",
                        "destination_sync_mode": "append",
                        "cursor_field": ["updated_at"],
                    }
                ]
            }
        )
    )
    from source_shopify.run import run

    sys.argv = ["source-shopify", "read", "--config", str(config), "--catalog", str(catalog)]
    run()
