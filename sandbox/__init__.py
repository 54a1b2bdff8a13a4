"""Local Shopify and Framework360 servers for the demo and the tests."""
