"""Two-way synchroniser between a Shopify shop and a Framework360 site."""
