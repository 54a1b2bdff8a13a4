"""The same shop and site as the end-to-end stories, and a store that survives its worker."""

from tests.end_to_end.conftest import (  # noqa: F401 - fixtures
    catalogue,
    empty_world,
    framework360_process,
    shopify_process,
    store,
)
