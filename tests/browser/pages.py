"""Every page of the console, for the check of accessibility and for the pictures."""

from tests.browser.world import INTO_SITE

PATHS = {
    "customers": "customers",
    "products": "products",
    "sales": "sales",
    "parked": "parked",
    "conflicts": "conflicts",
    "queue": "queue",
    "left-out": "left-out",
    "errors": "errors",
    "health": "health",
    "first-sync": "first-sync",
    "settings": "settings",
    "connect": "connect",
}
"""Address of each page by the name of its picture."""


def all_paths(world):
    """Return the pages, those of one run, one record and one plan included."""
    found = dict(PATHS)
    runs = world.json("health")["certificates"].get(INTO_SITE, [])
    if runs:
        found["run"] = f"runs/{runs[-1]['dag_id']}/{runs[-1]['run_id']}"
    records = [one for one in world.json("records/customer")["rows"] if one["link"]]
    if records:
        found["story"] = f"records/customer/{records[0]['link']}"
    plans = world.json("plans")
    if plans:
        found["plan"] = f"first-sync/{plans[0]['flow']}/{plans[0]['run']}"
    return found
