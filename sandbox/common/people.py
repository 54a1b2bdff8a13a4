"""People with data that hurts, the same for both systems.

`people(seed, n)` is the beginning of `people(seed, m)` for every m > n, so a bigger sandbox holds the smaller one. In
Shopify e-mails (without case) and phones are unique, as Shopify insists; in Framework360 some people share an e-mail
with somebody else but for its case. Everybody without an e-mail has a phone or a name only.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from sandbox.common.backend import Population

EPOCH = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
"""Nothing in the seed is newer."""

Consent = Literal["subscribed", "unsubscribed", "pending", "not_subscribed"]


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address: `province` is the code of the province or state ("MI", "CA", empty where there is none),
    `country` ISO 3166-1 alpha-2.
    """

    street: str
    city: str
    province: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Company:
    """Italian invoicing data; abroad only name and VAT number. Empty text for what is missing."""

    name: str
    vat_number: str
    tax_code: str = ""
    pec: str = ""
    sdi: str = ""


@dataclass(frozen=True, slots=True)
class PastOrder:
    """One order in the history: time, total in EUR with tax, whether it was cancelled."""

    at: datetime
    total: Decimal
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One customer.

    Args:
        index: position in the sequence, from 0.
        first_name, last_name: may be empty, one letter, very long, or in any script.
        email: None for phone-only customers.
        phone: E.164, valid in its country, or None.
        address: None when only the contact is known.
        company: None for private persons.
        consent: newsletter consent; `consent_at` is its time, None for "not_subscribed".
        tags: without commas, as Shopify stores them.
        note: free text, may hold markup.
        orders: oldest first.
        created_at, updated_at: aware UTC, not after EPOCH.
        in_shopify, in_framework360: where the person is a customer; at least one is true.
    """

    index: int
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    address: Address | None
    company: Company | None
    consent: Consent
    consent_at: datetime | None
    tags: tuple[str, ...]
    note: str
    orders: tuple[PastOrder, ...]
    created_at: datetime
    updated_at: datetime
    in_shopify: bool
    in_framework360: bool


@dataclass(frozen=True, slots=True)
class _Country:
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str, str], ...]
    mail_domain: str
    phone_prefix: str


_COUNTRIES = {
    "IT": _Country(
        ("Niccolò", "Giulia", "Désirée", "José", "Lucia", "Matteo", "Zoë", "Anna Maria"),
        ("D'Angelo", "Rossi", "Dell'Acqua", "Muß", "De Luca", "Forlì", "Lo Presti", "Bianchi"),
        ("Via Garibaldi", "Corso Umberto I", "Piazza dell'Unità", "Vicolo Sant'Agnese"),
        (("Milano", "MI", "20121"), ("Forlì", "FC", "47121"), ("L'Aquila", "AQ", "67100"), ("Bolzano", "BZ", "39100")),
        "example.it",
        "+39347",
    ),
    "DE": _Country(
        ("Jürgen", "Änne", "Sören", "Käthe", "Mehmet", "Friederike"),
        ("Weiß", "Müller-Lüdenscheidt", "von der Höhe", "Groß", "Öztürk", "Yılmaz"),
        ("Königstraße", "Am Görlitzer Bahnhof", "Große Bleichen"),
        (("Köln", "", "50667"), ("München", "", "80331"), ("Gießen", "", "35390")),
        "example.de",
        "+491511",
    ),
    "FR": _Country(
        ("François", "Hélène", "Jean-Loïc", "Maëlys", "Inès"),
        ("L'Hôpital", "Lefèvre", "Œuvrard", "Nuñez", "d'Alembert"),
        ("Rue de l'Église", "Avenue des Champs-Élysées", "Quai aux Fleurs"),
        (("Paris", "", "75001"), ("Orléans", "", "45000"), ("Saint-Étienne", "", "42000")),
        "example.com",
        "+3361",
    ),
    "US": _Country(
        ("Ada", "Bjørn", "Siobhán", "Renée", "Michael", "Sinéad"),
        ("O'Neil", "Nguyễn", "Smith-Jones", "Østergaard", "McDonald", "St. John"),
        ("Main St", "E 42nd St Apt #7", "Route 66"),
        (("San Francisco", "CA", "94103"), ("New York", "NY", "10017"), ("Boise", "ID", "83702")),
        "example.com",
        "",
    ),
}
_US_AREAS = {"CA": "+1415", "NY": "+1212", "ID": "+1208"}
_ODD_NAMES = (
    ("小林", "直美"),
    ("李", "小龍"),
    ("محمد", "الأحمد"),
    ("רות", "כהן"),
    ("Мария", "Соколова"),
    ("X", "Y"),
    ("Lin🎉", "Ng"),
    ("Ævar", "Þórsson"),
    ("", "Solocognome"),
    ("Solonome", ""),
    ("José", "Garci\u0301a"),  # the accent as a combining character
    ("Maria\u00a0Luisa", "Di  Nardo"),  # no-break space, double space
    ('Anna "Nina"', "O’Brien"),
    ("R&D <team>", "d'Évreux & Co."),
    ("<script>alert(1)</script>", "Rossi"),
    ("None", "Null"),
    ("Hubert Blaine " * 8 + "Wolfe", "Schlegelsteinhausenbergerdorff" * 4),
    ("-", "."),
    ("12345", "Test%20"),
    ("Élodie", "=cmd|' /C calc'!A0"),
)
_TAGS = ("vip", "VIP", "grossista", "newsletter-2025", "caffè", "b2b", "fiera Milano", "kein-Werbung", "été", "🎁")
_NOTES = (
    "Chiamare dopo le 18.",
    'Said "call me" & left.',
    "<b>Kunde</b> seit 1999\nzweite Zeile",
    "'; DROP TABLE customers; --",
)
_CF_LETTERS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CF_ODD = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _CF_LETTERS, strict=True)) | dict(
    zip("0123456789", _CF_LETTERS, strict=False)
)


def people(seed: int, count: int, population: Population = "mixed") -> list[Person]:
    """Return the first `count` people of a seed, see `iter_people`."""
    return list(iter_people(seed, count, population))


def iter_people(seed: int, count: int, population: Population = "mixed") -> Iterator[Person]:
    """Yield the first `count` people of a seed, one at a time.

    Args:
        seed: seed of the random generator.
        count: number of people.
        population: "mixed" (45 % only in Shopify, 35 % only in Framework360, 20 % in both), or all in one place.

    Yields:
        People in the order of `index`.
    """
    draw = random.Random(f"people-{seed}")
    shared: str | None = None
    for index in range(count):
        person = _person(draw, index, population)
        if person.in_framework360 and not person.in_shopify and shared and draw.random() < 0.03:
            person = replace(person, email=shared.swapcase())
        elif person.email and person.in_framework360:
            shared = person.email
        yield person


def counterpart(person: Person) -> Person:
    """Return how Framework360 knows the person: of people in both systems, a third differs a little there."""
    if not (person.in_shopify and person.in_framework360):
        return person
    match person.index % 12:
        case 0:
            return replace(person, email=person.email.upper() if person.email else None)
        case 1:
            return replace(person, phone=None, tags=(*person.tags, "solo-fw360"))
        case 2:
            return replace(person, first_name=person.first_name.upper(), note="")
        case 3 if person.address:
            return replace(person, address=replace(person.address, street="Via Vecchia 1"))
    return person


def _person(draw: random.Random, index: int, population: Population) -> Person:
    place = draw.random()
    code = draw.choices(("IT", "DE", "FR", "US"), (60, 15, 10, 15))[0]
    country = _COUNTRIES[code]
    first, last = draw.choice(country.first_names), draw.choice(country.last_names)
    if draw.random() < 0.08:
        first, last = draw.choice(_ODD_NAMES)
    city, province, postal_code = draw.choice(country.places)
    created = EPOCH - timedelta(seconds=draw.randrange(3600, 400 * 86400))
    updated = created + (EPOCH - created) * (draw.random() * 0.999)
    phone = None
    if draw.random() < 0.6:
        number = index * 7_919 % 7_000_000  # unique: the factor shares no divisor with the modulus
        phone = (_US_AREAS[province] if code == "US" else country.phone_prefix) + f"{number + 2_000_000:07d}"
    email = None
    if draw.random() < 0.95:
        email = _email(draw, first, last, index, country.mail_domain)
    company = _company(draw, last or first, index, code) if draw.random() < 0.15 else None
    consent: Consent = draw.choices(("subscribed", "unsubscribed", "pending", "not_subscribed"), (35, 12, 5, 48))[0]
    if email is None:
        consent = "not_subscribed"
    address = Address(f"{draw.choice(country.streets)} {draw.randrange(1, 200)}", city, province, postal_code, code)
    return Person(
        index=index,
        first_name=first,
        last_name=last,
        email=email,
        phone=phone,
        address=address if draw.random() < 0.85 else None,
        company=company,
        consent=consent,
        consent_at=None if consent == "not_subscribed" else created + timedelta(seconds=1),
        tags=tuple(dict.fromkeys(draw.choices(_TAGS, k=draw.choice((0, 0, 0, 1, 2, 3))))),
        note=draw.choice(_NOTES) if draw.random() < 0.1 else "",
        orders=_orders(draw, created),
        created_at=created.replace(microsecond=0),
        updated_at=updated.replace(microsecond=0),
        in_shopify=place < 0.65 if population == "mixed" else population in ("shopify", "both"),
        in_framework360=place >= 0.45 if population == "mixed" else population in ("framework360", "both"),
    )


def _email(draw: random.Random, first: str, last: str, index: int, domain: str) -> str:
    local = ".".join(filter(None, (_ascii(first), _ascii(last))))[:40].strip(".") or "kunde"
    email = f"{local}.{index}@{domain}"
    style = draw.random()
    if style < 0.05:
        return email.title()
    if style < 0.08:
        return email.replace("@", "+shop@")
    return email


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in plain.lower() if letter.isascii() and letter.isalnum())


def _company(draw: random.Random, name: str, index: int, country: str) -> Company:
    if country != "IT":
        suffix, prefix = {"DE": ("GmbH & Co. KG", "DE"), "FR": ("S.à r.l.", "FR"), "US": ("Inc.", "")}[country]
        return Company(f"{name[:60]} {suffix}", f"{prefix}{100_000_000 + index}" if prefix else "")
    vat_number = _partita_iva(index)
    own_code = draw.random() < 0.3
    return Company(
        name=f"{name[:60]} S.r.l." if not own_code else f"Ditta individuale {name[:60]}",
        vat_number=vat_number,
        tax_code=_codice_fiscale(draw) if own_code else vat_number,
        pec=f"azienda{index}@pec.example.it" if draw.random() < 0.5 else "",
        sdi=draw.choice(("M5UXCR1", "KRRH6B9", "0000000", "")),
    )


def _partita_iva(index: int) -> str:
    """An Italian VAT number: 7 digits, 3 of the office, 1 check digit (Luhn)."""
    digits = f"{1_000_000 + index:07d}015"
    total = sum(int(digit) for digit in digits[::2])
    total += sum(sum(divmod(int(digit) * 2, 10)) for digit in digits[1::2])
    return f"{digits}{-total % 10}"


def _codice_fiscale(draw: random.Random) -> str:
    """An Italian tax code of a person, with its check letter."""
    code = (
        "".join(draw.choices("BCDFGLMNPRST", k=6))
        + f"{draw.randrange(40, 100):02d}{draw.choice('ABCDEHLMPRST')}{draw.randrange(1, 29):02d}"
        + f"F{draw.randrange(205, 999)}"
    )
    even = sum(int(sign) if sign.isdigit() else ord(sign) - ord("A") for sign in code[1::2])
    return code + chr(ord("A") + (even + sum(_CF_ODD[sign] for sign in code[::2])) % 26)


def _orders(draw: random.Random, created: datetime) -> tuple[PastOrder, ...]:
    count = draw.choices((0, 1, 2, 3, 8), (50, 25, 12, 10, 3))[0]
    span = EPOCH - created
    return tuple(
        PastOrder(
            at=(created + span * ((position + 1) / (count + 1))).replace(microsecond=0),
            total=Decimal(draw.randrange(100, 50_000)).scaleb(-2),
            cancelled=draw.random() < 0.1,
        )
        for position in range(count)
    )
