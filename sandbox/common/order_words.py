"""Words, rates and prices the orders are made of."""

from __future__ import annotations

from decimal import Decimal

from sandbox.common.order_actions import Rate

IVA = tuple(Rate("IVA", Decimal(rate)) for rate in ("0.22", "0.10", "0.04"))
MWST = tuple(Rate("MwSt.", Decimal(rate)) for rate in ("0.19", "0.07"))
TVA = tuple(Rate("TVA", Decimal(rate)) for rate in ("0.20", "0.055"))
VAT = {
    "IT": IVA,
    "DE": MWST,
    "FR": TVA,
    "GB": (Rate("VAT", Decimal("0.20")), Rate("VAT", Decimal("0.05"))),
    "CH": (Rate("MWST", Decimal("0.081")), Rate("MWST", Decimal("0.026"))),
    "JP": (Rate("消費税", Decimal("0.10")), Rate("消費税", Decimal("0.08"))),
}
"""Rates of a country, the general one first."""
SALES_TAX = {
    "CA": (Rate("California State Tax", Decimal("0.0725")), Rate("San Francisco County Tax", Decimal("0.01375"))),
    "NY": (Rate("New York State Tax", Decimal("0.04")), Rate("New York City Tax", Decimal("0.04875"))),
    "ID": (Rate("Idaho State Tax", Decimal("0.06")),),
}
"""Taxes of a state: several on one price."""

SHIPPING = {
    "IT": (("Corriere espresso", "BRT_24", "6.90"), ("Spedizione standard", "STANDARD", "4.90")),
    "DE": (("DHL Paket", "DHL_PAKET", "9.90"), ("Standardversand", "STANDARD", "7.49")),
    "FR": (("Colissimo", "COLISSIMO", "11.33"), ("Livraison standard", "STANDARD", "8.50")),
    "US": (("International Express", "DHL_EXPRESS", "29.95"),),
    "GB": (("Tracked 48", "RM_TRACKED_48", "12.90"),),
    "CH": (("PostPac Priority", "POSTPAC", "14.50"),),
    "JP": (("国際宅急便", "EMS", "39.00"),),
}
"""Charges by country: title, code, price."""

CARD_GATEWAYS = ("shopify_payments", "paypal", "stripe")
MANUAL_GATEWAYS = ("Bonifico bancario", "Bank transfer", "Bank Deposit")
COD = "Cash on Delivery (COD)"
UNKNOWN_GATEWAY = "satispay_ponte_v2"

COURIERS = (
    ("BRT", "https://vas.brt.it/vas/sped_det_show.hsm?referer=sped_numspe_par.htm&Nspediz={}"),
    ("DHL Express", "https://www.dhl.com/en/express/tracking.html?AWB={}"),
    ("GLS", "https://gls-group.eu/track/{}"),
    ("Poste Italiane", "https://www.poste.it/cerca/index.html#/risultati-spedizioni/{}"),
)
CUSTOM_LINES = (
    ("Incisione a mano", "15.00", False),
    ("Confezione regalo 🎀", "3.50", True),
    ("Consulenza d'arredo", "80.00", False),
    ("<b>Pezzo su misura</b>", "149.99", True),
    ('Riparazione "express"', "33.33", False),
)
"""Lines without a product: title, price, whether they ship."""
NOTES = (
    "Citofonare due volte; se non c'è nessuno, lasciare dal portiere.",
    'Regalo: scrivere "Auguri Nonna ❤️" sul biglietto.',
    "<script>alert('ordine')</script>",
    "Bitte klingeln!\nZweite Zeile\tmit Tabulator",
    "'; DROP TABLE orders; --",
    '=HYPERLINK("http://example.com";"clicca")',
    "配達は午後にお願いします",
    "Ordine urgente " * 300,
)
ATTRIBUTES = (
    ("Messaggio regalo", "Con affetto 💌\nZia Lù"),
    ("Data di consegna", "2026-02-30"),
    ("codice_fiscale", "RSSMRA80A01F205X"),
    ("<b>chiave</b>", "\"valore\" & 'altro'"),
    ("_hidden", "tracking=1&ref=newsletter"),
    ("vuoto", ""),
)
LINE_ATTRIBUTES = (
    ("Incisione", "Per sempre – N & G"),
    ("Misura polso", "17,5 cm"),
    ("_bundle", "a1b2"),
    ("Colore 色", "赤"),
)
TAGS = ("urgente", "regalo", "B2B", "fiera Milano", "été", "🎁", "<i>tag</i>", "reso-2025")
LOCALES = {"IT": "it", "DE": "de", "FR": "fr", "US": "en-US", "GB": "en-GB", "CH": "de-CH", "JP": "ja"}
CITIES = {
    "IT": (("Torino", "TO", "10121"), ("Palermo", "PA", "90133")),
    "DE": (("Berlin", "BE", "10115"), ("Düsseldorf", "NW", "40213")),
    "FR": (("Lyon", "", "69001"), ("Besançon", "", "25000")),
    "US": (("San Francisco", "CA", "94103"), ("New York", "NY", "10017"), ("Boise", "ID", "83702")),
    "GB": (("London", "ENG", "SW1A 1AA"), ("Llanfairpwllgwyngyll", "WLS", "LL61 5UJ")),
    "CH": (("Zürich", "ZH", "8001"), ("Neuchâtel", "NE", "2000")),
    "JP": (("東京", "JP-13", "100-0001"), ("京都市", "JP-26", "600-8216")),
}
GUESTS = (
    ("Ospite", "Anonimo"),
    ("Åsa", "Öström"),
    ("Zoë", "O'Connor-D'Amico"),
    ("王", "小明"),
    ("<em>Max</em>", "Mustermann & Söhne"),
)
