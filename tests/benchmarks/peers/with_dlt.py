"""Runs dlt on the sandbox: a resource of pages of products, loaded into files of JSON lines.

dlt has no Shopify source in its package (its verified source reads the REST documents, which Shopify has closed for
products), so the resource is written here, as a team would: the client with retries that dlt offers, a query of what
our own mapping reads, a page per yield.
"""

from __future__ import annotations

import sys
from pathlib import Path

import shim

PAGE = 50

if __name__ == "__main__":
    sandbox, folder = sys.argv[1], Path(sys.argv[2])
    shim.install(sandbox)
    import dlt
    from dlt.sources.helpers import requests

    query = (Path(__file__).parent / "products.graphql").read_text()

    @dlt.resource(name="products", primary_key="id", write_disposition="append")
    def products():
        after = None
        while True:
            answer = requests.post(
                f"https://{shim.HOST}/admin/api/{shim.VERSION}/graphql.json",
                json={"query": query, "variables": {"first": PAGE, "after": after}},
                headers={"X-Shopify-Access-Token": shim.TOKEN},
            )
            connection = answer.json()["data"]["products"]
            yield connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]

    pipeline = dlt.pipeline(
        "peers",
        pipelines_dir=str(folder / "work"),
        destination=dlt.destinations.filesystem(bucket_url=(folder / "files").as_uri()),
        dataset_name="shop",
    )
    pipeline.run(products(), loader_file_format="jsonl")
