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
    "privacy": "privacy",
    "connect": "connect",
}
"""Address of each page by the name of its picture; tests/web/test_pages.py compares them with the application."""

SINGLE = {
    "run": "runs/{dag_id}/{run_id}",
    "story": "records/{entity}/{link}",
    "plan": "first-sync/{flow}/{run_id}",
}
"""The pages of one run, one record and one plan, as the application writes their addresses."""


def all_paths(world):
    """Return the pages, those of one run, one record and one plan included: the world has one of each."""
    run = world.json("health")["certificates"][INTO_SITE][-1]
    record = next(one for one in world.json("records/customer")["rows"] if one["link"])
    plan = world.json("plans")[0]
    return PATHS | {
        "run": SINGLE["run"].format(**run),
        "story": SINGLE["story"].format(entity="customer", link=record["link"]),
        "plan": SINGLE["plan"].format(flow=plan["flow"], run_id=plan["run"]),
    }
