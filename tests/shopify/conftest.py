"""The sandbox shop: one process per session, fresh data per test."""

from sandbox.common.pytest_plugin import shopify_process, shopify_sandbox

__all__ = ["shopify_process", "shopify_sandbox"]
