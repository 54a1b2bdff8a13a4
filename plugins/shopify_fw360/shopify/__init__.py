"""Shopify Admin API (GraphQL): schema, authentication, cost budget, client, and the customers gateway."""
