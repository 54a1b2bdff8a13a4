"""Words the catalogue is made of."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of goods: name, place in the shop, range of prices in cents."""

    name: str
    category: tuple[str, ...]
    cents: tuple[int, int]


KINDS = (
    Kind("Maglia", ("Abbigliamento", "Maglieria"), (1_990, 12_000)),
    Kind("Camicia", ("Abbigliamento", "Camicie"), (2_490, 15_000)),
    Kind("Giacca", ("Abbigliamento", "Capispalla"), (7_900, 49_900)),
    Kind("Borsa", ("Accessori", "Borse"), (3_500, 89_999)),
    Kind("Tazza", ("Casa", "Cucina"), (590, 2_500)),
    Kind("Caffè in grani", ("Alimentari",), (450, 3_333)),
    Kind("Lampada", ("Casa", "Illuminazione"), (2_999, 25_001)),
    Kind("Orologio", ("Accessori", "Orologi & gioielli"), (9_995, 250_000)),
)
SIZES = ("XS", "S", "M", "L", "XL", "XXL", "3XL")
COLOURS = ("Blu notte", "Ecrù", "Rosé", "Grün", "Nero / Oro", "Bianco", "黒", "Verde 🌿")
MATERIALS = ("cotone", "lana mérinos", "seta", "lino")
TAGS = ("novità", "saldi", "Été 2026", "b2b", "made-in-italy", "🎁", "SALDI", "wholesale")
ODD_TITLES = (
    "Maglietta 🎉🦄",
    "日本茶「玉露」",
    "Crème brûlée & café",
    "Tavolo 6\" x 4'",
    "<b>Offerta</b> del giorno",
    "T-Shirt  con  spazi",
    "شاي بالنعناع",
    "Größe XXL – Übergröße",
    "100% cotone; DROP TABLE prodotti",
    ("Edizione limitata numerata a mano " * 8)[:255].strip(),
)
_ROW = "<tr><td>Taglia M</td><td style='color:red'>torace 96&nbsp;cm</td><td><em>vita 80&nbsp;cm</em></td></tr>\n"
HUGE_HTML = f"<h2>Guida alle taglie</h2><table>{_ROW * 600}</table>"
ODD_HTML = (
    "",
    "Solo testo, senza tag.\nSeconda riga & basta",
    "<p>Paragrafo mai chiuso<p>un altro<br>a capo<br/>fine",
    '<script>alert("x")</script><p onclick="steal()">Pulito?</p>',
    '<p>Perch&eacute; no? &lt;3 <a href="https://example.com/?a=1&b=2">link</a></p><!-- nota -->',
    '<iframe src="https://example.com/video"></iframe><p>🎬 Video</p>',
    "<DIV><B>Maiuscole</B><BR></DIV>",
)
