"""A shop that has just ended a bulk operation, and the host of its file: a process of its own, as in real life.

``python -m tests.benchmarks.bulk_host FOLDER PRODUCTS FIRST`` writes the file, prints its address and serves until its
standard input ends. The lines have the shape of the shipped mapping's bulk query.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

OPERATION = "gid://shopify/BulkOperation/1"
VARIANTS = 3
_SIZES = ("S", "M", "L")
_TEXT = "<p>" + "Morbida maglia in lana merino, lavata a mano e cucita in Italia. " * 6 + "</p>"


def lines(number: int):
    """Yield the lines of one product: the product, its image, its variants, the image of each variant."""
    product = f"gid://shopify/Product/{7_000_000_000_000 + number}"
    image = f"gid://shopify/MediaImage/{30_000_000_000 + number}"
    yield {
        "id": product,
        "legacyResourceId": str(7_000_000_000_000 + number),
        "title": f"Maglia {number}",
        "handle": f"maglia-{number}",
        "descriptionHtml": _TEXT,
        "vendor": f"Marca {number % 97}",
        "productType": "Maglieria",
        "status": "ACTIVE",
        "tags": ["inverno", f"linea-{number % 31}"],
        "updatedAt": f"2026-10-{1 + number % 28:02}T{number % 24:02}:00:00Z",
        "hasOnlyDefaultVariant": False,
        "category": {"id": "gid://shopify/TaxonomyCategory/aa-1", "fullName": "Apparel > Clothing"},
        "seo": {"title": None, "description": None},
        "metafield_0": None,
    }
    yield {
        "__typename": "MediaImage",
        "MediaImage_id": image,
        "MediaImage_alt": f"Maglia {number}",
        "MediaImage_status": "READY",
        "MediaImage_image": {"url": f"https://cdn.example/files/maglia-{number}.png?v=1"},
        "__parentId": product,
    }
    for place, size in enumerate(_SIZES, 1):
        variant = f"gid://shopify/ProductVariant/{40_000_000_000 + number * VARIANTS + place}"
        yield {
            "__typename": "ProductVariant",
            "id": variant,
            "position": place,
            "sku": f"MG-{number:06}-{size}",
            "barcode": f"80{number:09}{place}",
            "price": f"{20 + number % 80}.90",
            "compareAtPrice": None,
            "inventoryPolicy": "DENY",
            "selectedOptions": [{"name": "Taglia", "value": size}],
            "inventoryItem": {
                "id": f"gid://shopify/InventoryItem/{50_000_000_000 + number * VARIANTS + place}",
                "tracked": True,
                "stock": {"isActive": True, "quantities": [{"quantity": number % 40}]},
                "unitCost": {"amount": "10.00"},
                "measurement": {
                    "id": f"gid://shopify/InventoryItemMeasurement/{number * VARIANTS + place}",
                    "weight": {"unit": "GRAMS", "value": 350.0},
                },
            },
            "__parentId": product,
        }


def write(path: Path, products: int, first: int) -> int:
    """Write the file of products numbered from the first; returns the number of its lines."""
    count = 0
    with path.open("wb") as file:
        for number in range(first, first + products):
            for line in lines(number):
                file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
    return count


def main(folder: Path, products: int, first: int) -> None:
    path = folder / "products.jsonl"
    objects = write(path, products, first)

    class Host(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            with path.open("rb") as file:
                self.connection.sendfile(file)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            operation = {
                "id": OPERATION,
                "status": "COMPLETED",
                "errorCode": None,
                "objectCount": str(objects),
                "rootObjectCount": str(products),
                "fileSize": str(path.stat().st_size),
                "url": f"http://127.0.0.1:{server.server_address[1]}/products.jsonl",
                "query": "",
            }
            body = json.dumps({"data": {"bulkOperation": operation}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
