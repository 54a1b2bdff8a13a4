"""The mapping engine against what a developer would write by hand for the same shipped mapping."""

import random
import re
import sys
import time
import unicodedata
from pathlib import Path

import phonenumbers
import pytest

from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.mapping.directory import load_directory
from shopify_fw360.mapping.engine import Rejection, fingerprints, transform
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.shopify.schema import ShopifySchema

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
COUNT = 20_000

FIRST_NAMES = ("Anna", "Luca", "Giulia", "Marco", "Jürgen", "Zoë", "Иван", "美咲", "José", "O’Neil", "Chloé", "Mario")
LAST_NAMES = ("Rossi", "Bianchi", "D’Angelo", "Groß", "Müller-Lüdenscheid", "Ferrari", "Esposito", "Παππά", "Conti")
PLACES = (
    ("IT", "Milano", "MI", "20124", "02 {}"), ("IT", "Roma", "RM", "00184", "+39 06 {}"),
    ("IT", "Torino", "TO", "10121", "333 {}"), ("DE", "Hamburg", None, "20095", "(040) {}"),
    ("FR", "Lyon", None, "69001", "04 78 {}"), ("GB", "London", "ENG", "EC1A 1BB", "020 7{}"),
)  # fmt: skip
STREETS = ("Via Roma", "Corso Buenos  Aires", "Hauptstraße", "Rue de la République", "High Street")
TAGS = ("vip", "VIP", "B2B", " newsletter", "wholesale", "2026")


def customers(count):
    """Customers as a shop has them: most private, phones at the address, some without e-mail, a few broken."""
    random_ = random.Random(20260101)
    return [_customer(random_, number) for number in range(count)]


def _customer(random_, number):
    country, city, province, cap, phone = random_.choices(PLACES, (30, 25, 15, 12, 10, 8))[0]
    first, last = random_.choice(FIRST_NAMES), random_.choice(LAST_NAMES)
    record = {
        "id": f"gid://shopify/Customer/{number}",
        "firstName": random_.choices((first, f" {first} {random_.choice(FIRST_NAMES)}", None, "-"), (75, 10, 12, 3))[0],
        "lastName": random_.choices((last, None), (85, 15))[0],
        "defaultEmailAddress": {
            "emailAddress": f"{first}.{last}.{number}@Example.com".replace("’", ""),
            "marketingState": random_.choice(("SUBSCRIBED", "NOT_SUBSCRIBED", "UNSUBSCRIBED", "PENDING")),
        },
        "defaultPhoneNumber": {"phoneNumber": f"+39333{number:07}"} if random_.random() < 0.3 else None,
        "defaultAddress": {
            "address1": f"{random_.choice(STREETS)} {random_.randrange(200)}",
            "address2": random_.choice((None, None, "Scala B")),
            "zip": cap,
            "city": city,
            "provinceCode": province,
            "countryCodeV2": country,
            "company": f"{last} S.r.l." if random_.random() < 0.15 else None,
            "phone": random_.choices((phone.format(random_.randrange(100000, 999999)), None, "0"), (60, 37, 3))[0],
        },
        "metafields": {"custom": {"piva": None, "cf": None, "pec": None, "sdi": None}},
        "tags": random_.sample(TAGS, random_.randrange(4)),
    }
    if record["defaultAddress"]["company"]:
        record["metafields"]["custom"] = {
            "piva": f"IT {number:011}", "cf": None, "pec": f"{last}@PEC.example".replace("’", ""), "sdi": "abc1234",
        }  # fmt: skip
    broken = random_.random()
    if broken < 0.02:
        record["defaultEmailAddress"] = None
    elif broken < 0.03:
        record["defaultAddress"] = None
    elif broken < 0.035:
        record["tags"] = {"not": "a list"}
    elif broken < 0.04:
        record["defaultEmailAddress"]["emailAddress"] = "no address"
    return record


# The same work by hand: one function per record, straightforward, reasonably quick. -----------------------------------

UNKNOWN = object()
EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+")
NAME = re.compile(r"[A-Za-z0-9'.\-]+(?: [A-Za-z0-9'.\-]+)*")
LOOKALIKES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})
PROVINCE = re.compile(r"(?:[A-Z]{2}-)?[A-Z0-9]{1,4}")
NO_MARKS = str.maketrans("", "", " .-/")
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


class RefusedError(Exception):
    pass


def take(record, *path, protected=False):
    for step in path:
        if record is None or record is UNKNOWN:
            return UNKNOWN
        record = record.get(step, UNKNOWN)
    if record is None:
        return UNKNOWN if protected else None
    return None if record == "" else record


def text(value, field):
    if value is UNKNOWN or value is None:
        return value
    if not isinstance(value, str):
        raise RefusedError(field, "SYNC-202")
    if "\0" in value or len(value) > 1_000_000:
        raise RefusedError(field, "SYNC-202")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RefusedError(field, "SYNC-202") from None
    return value


def clean_name(value):
    if not NAME.fullmatch(value):
        kept = []
        for character in unicodedata.normalize("NFC", value).translate(LOOKALIKES):
            if character.isalnum() or character in "'.-":
                kept.append(character)
            elif character.isspace():
                kept.append(" ")
            elif kept and kept[-1] != " " and unicodedata.category(character) in {"Mn", "Mc"}:
                kept.append(character if kept[-1] not in "'.-" else "")
        value = " ".join("".join(kept).split())
    if not any(character.isalnum() for character in value):
        return None
    return value if len(value) > 1 else f"{value}."


def e164(value, country):
    number = value.strip()
    if number.startswith("00"):
        number = f"+{number[2:]}"
    region = country.strip().upper() if isinstance(country, str) else ""
    region = region if region in REGIONS else None
    if region is None and not number.startswith(("+", "＋")):
        return UNKNOWN
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return UNKNOWN
    if not phonenumbers.is_possible_number(parsed):
        return UNKNOWN
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def by_hand(record):  # noqa: C901, PLR0912 - long on purpose: this is how one writes it without a mapping language
    values, defaulted = {}, set()
    email = text(take(record, "defaultEmailAddress", "emailAddress", protected=True), "email")
    if email is not UNKNOWN and email is not None:
        email = email.strip().lower() or None
    if email is UNKNOWN or email is None:
        raise RefusedError("email", "SYNC-201")
    if not EMAIL.fullmatch(email):
        raise RefusedError("email", "SYNC-202")
    values["email"] = email
    for field, path, fallbacks in (
        ("nome", "firstName", (email.rpartition("@")[0], "Cliente")), ("cognome", "lastName", ("Non indicato",))
    ):  # fmt: skip
        name = text(take(record, path, protected=True), field)
        name = clean_name(name) if isinstance(name, str) else None
        if name is None:
            defaulted.add(field)
            name = next(cleaned for fallback in fallbacks if (cleaned := clean_name(fallback)))
        values[field] = name[:120].rstrip()
    country = take(record, "defaultAddress", "countryCodeV2")
    phone = take(record, "defaultPhoneNumber", "phoneNumber", protected=True)
    if not isinstance(phone, str) or phone.isspace():
        other = take(record, "defaultAddress", "phone", protected=True)
        phone = other if isinstance(other, str) else UNKNOWN if UNKNOWN in (phone, other) else None
    values["telefono"] = e164(phone, country) if isinstance(phone, str) else phone
    lines = [text(take(record, "defaultAddress", key, protected=True), "indirizzo") for key in ("address1", "address2")]
    given = [line.strip() for line in lines if isinstance(line, str) and not line.isspace()]
    values["indirizzo"] = " ".join(" / ".join(given).split()) if given else UNKNOWN if UNKNOWN in lines else None
    cap = text(take(record, "defaultAddress", "zip", protected=True), "cap")
    values["cap"] = cap.strip().upper() or None if isinstance(cap, str) else cap
    city = text(take(record, "defaultAddress", "city"), "comune")
    values["comune"] = " ".join(city.split()) or None if isinstance(city, str) else city
    province = take(record, "defaultAddress", "provinceCode")
    if isinstance(province, str):
        province = province.strip().upper()
        province = None if not province else province if PROVINCE.fullmatch(province) else UNKNOWN
    values["citta"] = province
    if isinstance(country, str):
        country = country.strip().upper()
        country = None if not country else country if country in REGIONS else UNKNOWN
    values["stato"] = country
    company = text(take(record, "defaultAddress", "company"), "ragione_sociale")
    values["ragione_sociale"] = " ".join(company.split()) or None if isinstance(company, str) else company
    for field in ("piva", "cf"):
        value = text(take(record, "metafields", "custom", field), field)
        values[field] = value.translate(NO_MARKS).upper() or None if isinstance(value, str) else value
    pec = text(take(record, "metafields", "custom", "pec"), "pec")
    values["pec"] = pec.strip().lower() or None if isinstance(pec, str) else pec
    sdi = text(take(record, "metafields", "custom", "sdi"), "sdi")
    values["sdi"] = sdi.strip().upper() or None if isinstance(sdi, str) else sdi
    state = take(record, "defaultEmailAddress", "marketingState")
    values["marketing_active"] = state == "SUBSCRIBED" if isinstance(state, str) else state
    tags = take(record, "tags")
    if tags is not UNKNOWN:
        if tags is not None and not isinstance(tags, list):
            raise RefusedError("tags", "SYNC-202")
        unique = {}
        for tag in tags or ():
            trimmed = text(tag, "tags").strip()
            if trimmed:
                unique.setdefault(trimmed.casefold(), trimmed)
        values["tags"] = tuple(unique.values())
    return {name: value for name, value in values.items() if value is not UNKNOWN}, frozenset(defaulted)


def all_by_hand(records):
    rows = []
    for record in records:
        try:
            rows.append(by_hand(record))
        except RefusedError as refusal:
            rows.append(refusal.args)
    return rows


def shipped_mapping(flow):
    """The mapping of a flow as it is shipped."""
    schemas = {System.SHOPIFY: ShopifySchema(), System.FRAMEWORK360: Framework360Schema()}
    return load_directory(MAPPINGS, schemas)[flow]


@pytest.fixture(scope="module")
def mapping():
    return shipped_mapping(Flow(Entity.CUSTOMER, System.SHOPIFY))


def best_of(function, times=5):
    """Least CPU seconds of several runs: other processes on the machine do not count."""
    spans = []
    for _ in range(times):
        start = time.process_time()
        function()
        spans.append(time.process_time() - start)
    return min(spans)


@pytest.mark.bench
def test_engine_is_at_least_as_fast_as_a_function_written_by_hand(mapping):
    records = customers(COUNT)
    rows = transform(mapping, records).rows
    plain = [(row.field, row.code.code) if isinstance(row, Rejection) else tuple(row[:2]) for row in rows]
    assert plain == all_by_hand(records)

    engine = best_of(lambda: transform(mapping, records))
    hand = best_of(lambda: all_by_hand(records))
    ratio = hand / engine
    sys.stdout.write(f"\nmapping: {COUNT / engine:,.0f} records/s, by hand {COUNT / hand:,.0f}, ratio {ratio:.2f}\n")
    for size in (1, 10, 100):
        batches = [records[start : start + size] for start in range(0, 2_000, size)]
        small = best_of(lambda batches=batches: [transform(mapping, batch) for batch in batches], times=3)
        by = best_of(lambda: all_by_hand(records[:2_000]), times=3)
        sys.stdout.write(f"batches of {size}: {2_000 / small:,.0f} records/s, ratio {by / small:.2f}\n")
    assert ratio >= 1.0


@pytest.mark.bench
def test_fingerprints_of_100_000_records_take_seconds(mapping):
    rows = [row.values for row in transform(mapping, customers(COUNT)).rows if not isinstance(row, Rejection)]
    rows = (rows * 6)[:100_000]
    span = best_of(lambda: fingerprints(mapping, rows), times=2)
    one = best_of(lambda: [fingerprints(mapping, [row]) for row in rows[:2_000]], times=2) * 50
    sys.stdout.write(f"\nfingerprints: 100,000 in {span:.2f} s; one by one {one:.2f} s, ratio {one / span:.1f}\n")
    assert one / span >= 1.0
    assert len(rows) == 100_000
