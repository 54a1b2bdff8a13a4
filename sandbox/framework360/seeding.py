"""People of the seed as customers and orders of the site, beside its products."""

from __future__ import annotations

from sandbox.common.backend import Seed
from sandbox.common.people import Person, counterpart, iter_people
from sandbox.framework360.product_seeding import add_products
from sandbox.framework360.store import CANCELLED, COMPLETED, Customer, Order, Store

_SELLER = "Chiara"


def seeded(seed: Seed) -> Store:
    """Return a store filled with the people and products of the seed that Framework360 knows."""
    store = Store()
    for person in iter_people(seed.seed, seed.customers, seed.population):
        if person.in_framework360:
            _add(store, counterpart(person))
    add_products(store, seed)
    store.changes()  # nobody is told about the seed
    return store


def _add(store: Store, person: Person) -> None:
    address = person.address
    landline = person.index % 9 == 0
    customer = Customer(
        id=store.next_id("customer"),
        nome=person.first_name,
        cognome=person.last_name,
        email=person.email or "",
        mobile="" if landline else person.phone or "",
        landline=person.phone or "" if landline else "",
        indirizzo=address.street if address else "",
        cap=address.postal_code if address else "",
        comune=address.city if address else "",
        citta=address.province if address else "",
        stato=address.country if address else "",
        billing=_billing(person),
        source=(1, 1, 2, 6)[person.index % 4],
        marketing_active=person.consent == "subscribed",
        lists=_lists(person),
        tags=person.tags,
        extra={"taglia": ("S", "M", "L")[person.index % 3]} if person.index % 10 == 0 else None,
        registered=person.created_at,
        modified=person.updated_at,
    )
    store.add(customer)
    for past in person.orders:
        order_id = store.next_id("order")
        status = CANCELLED if past.cancelled else COMPLETED
        store.add_order(
            Order(
                id=order_id,
                customer_id=customer.id,
                user_email=customer.email,
                at=past.at,
                status=status,
                paid=not past.cancelled,
                total=past.total,
                seller=_SELLER if order_id % 7 == 0 else "",
            )
        )


def _billing(person: Person) -> dict[str, str] | None:
    company, address = person.company, person.address
    if company is None:
        return None
    billing = {
        "ragione_sociale": company.name,
        "piva": company.vat_number,
        "cf": company.tax_code,
        "pec": company.pec,
        "cod_univoco": company.sdi,
    }
    if address:
        billing |= {
            "indirizzo": address.street,
            "cap": address.postal_code,
            "comune": address.city,
            "citta": address.province,
            "stato": address.country,
        }
    return {key: value for key, value in billing.items() if value}


def _lists(person: Person) -> tuple[int, ...]:
    lists = []
    if person.consent == "subscribed" and person.index % 5:
        lists.append(3)
    if "vip" in person.tags or "VIP" in person.tags:
        lists.append(4)
    if person.company:
        lists.append(5)
    return tuple(lists)
