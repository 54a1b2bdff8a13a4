"""The functions a mapping may apply; importing this package fills the registry.

Each function works on one value; the engine runs it once per distinct value of a column.
"""

from shopify_fw360.mapping.functions import conditions, contact, html, lists, numbers, prices, text

__all__ = ["conditions", "contact", "html", "lists", "numbers", "prices", "text"]
