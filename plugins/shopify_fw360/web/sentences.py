"""What the synchroniser says about a record, in the language of whoever reads it.

Reasons and messages are written where they arise, in English, and kept so in the journal. The console knows the
sentences by their templates; one it does not know is shown as it was written.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from shopify_fw360.errors import CODES
from shopify_fw360.web.i18n import N_, Language
from shopify_fw360.web.words import CALLED, SYSTEMS, flow_called

SENTENCES: Final = (
    # sync/merge.py and sync/children.py: why a field is written or left
    N_("the source does not know this field"),
    N_("the site does not keep this field; the mark can be cleared"),
    N_("empty on the source"),
    N_("new record"),
    N_("written on creation only"),
    N_("both sides hold the same"),
    N_("a default is written on creation only"),
    N_("the target cannot empty this field and keeps its value"),
    N_("an interrupted create goes on"),
    N_("changed again after %(person)s had settled it; a person must settle it anew"),
    N_("settled by %(person)s: %(system)s wins"),
    N_("first meeting: the source is empty, the target keeps its value"),
    N_("first meeting: the target is empty"),
    N_("first meeting: the sides differ"),
    N_("both sides changed it"),
    N_("changed on the source only"),
    N_("changed on the target only; the other direction carries it"),
    N_("neither side changed it since the last sync"),
    N_("%(reason)s; policy: %(system)s wins"),
    N_("%(reason)s; policy: the newer side wins"),
    N_("%(reason)s; policy: the larger value wins"),
    N_("%(reason)s; policy: the more restrictive value wins"),
    N_("%(reason)s; a person must settle it"),
    N_("the target's tags cannot be read, so none are replaced"),
    N_("the target already holds every tag the source added"),
    N_("tags: %(added)s added, %(removed)s removed"),
    N_("removed on the target; the other direction carries it"),
    N_("removed on the source, but edited on the target since; the edit wins"),
    N_("removed on the source"),
    # sync/planner.py, sync/dry_run.py, sync/outbound.py, sync/unlink.py, sync/apply.py: what is done to a record
    N_("its counterpart was deleted; only Sync now creates it again"),
    N_("deleted in %(system)s before it was ever synchronised"),
    N_("deleted in %(system)s"),
    N_("%(system)s record %(id)s does not exist any more"),
    N_("both sides changed %(fields)s"),
    N_("a person asked for a new counterpart"),
    N_("no counterpart exists"),
    N_("the counterpart was chosen by hand"),
    N_("the counterpart was found by its natural key"),
    N_("%(number)s field(s) differ"),
    N_("both sides agree"),
    N_("what it holds is carried over"),
    N_("it is being made from its counterpart by %(flow)s"),
    N_("its making from its counterpart by %(flow)s is parked, and goes on once that is released"),
    N_("%(reason)s; %(records)s is synchronised before it"),
    N_("a record it refers to is being synchronised"),
    N_("a test order"),
    N_("not on one of the marketing lists %(names)s"),
    N_("has none of the tags %(names)s"),
    N_("left out by %(person)s"),
    N_("unlinked by %(person)s"),
    N_("differs, and the target does not let it change"),
    N_("not changed in %(system)s: %(fields)s"),
    # sync/undo.py and sync/undoing.py
    N_("undo of %(run)s by %(person)s"),
    N_("not undone: %(reason)s"),
    N_("this cannot be put back by itself"),
    N_("nothing to undo: the target holds the earlier value"),
    N_("the field has no base, so nobody can tell an edit from what was written"),
    N_("there is no earlier value to go back to"),
    N_("kept: the target was edited since"),
    N_("kept: an undo gives nobody's consent back"),
    N_("kept: the source was edited since, which is carried over"),
    # sync/match.py and store/links.py: records that cannot be told apart
    N_("%(system)s has %(number)s records with the same %(key)s: %(ids)s"),
    N_("%(system)s record %(id)s is already linked to %(other)s record %(taken)s: %(ids)s"),
    N_("the record already belongs to %(other)s"),
    # mapping: what is wrong with a value
    N_("there is no value"),
    N_("%(number)s characters; at most %(limit)s are allowed"),
    N_("%(number)s characters; at least %(limit)s are needed"),
    N_("%(number)s entries; at most %(limit)s are allowed"),
    N_("the number is below %(limit)s"),
    N_("the text does not fit the pattern %(pattern)s"),
    N_("the text is no phone number"),
    N_("a phone number without international prefix, and no country is known"),
    N_("the phone number is too long or too short for its country"),
    N_("no ISO 3166 country code of two letters"),
    N_("no province code; a name is not accepted"),
    N_("the text is no time in the expected form"),
    N_("the value is not in the table at %(place)s"),
    # framework360: what the site does not take
    N_("Framework360 registers no customer without it"),
    N_("this is no e-mail address"),
    N_("Framework360 takes names of 2 to %(limit)s characters with a letter or digit"),
    N_("Framework360 creates no product without it"),
    N_("Framework360 takes names of %(limit)s or more characters"),
    N_("an amount of 0 or more is needed"),
    N_("a sale needs a buyer with an e-mail"),
    N_("the site does not know the buyer, and orders.ensure_customer is off"),
    N_("the SKU %(sku)s is also that of %(other)s; a Framework360 site has each SKU once"),
    N_("the site has no rate for the tax %(tax)s, so prices cannot be converted between shop and site"),
    N_("%(call)s was refused (%(answer)s); tick the function %(function)s on the key"),
    N_("the site has no call %(call)s (%(answer)s)"),
    N_("%(call)s: the site may or may not have created the record (%(answer)s)"),
    # framework360/capabilities.py
    N_("switched on in the connection's options"),
    N_("switched off, by default or in the connection's options"),
    N_("it cannot be probed without writing; switch it on or off"),
    N_("the site answers %(call)s"),
    N_("%(capability)s is off: %(reason)s"),
    # sales and shopify
    N_("the order is in %(currency)s, the site sells in %(other)s"),
    N_("Shopify does not show this order"),
    N_("the customer no longer exists in Shopify"),
    N_("the product no longer exists in Shopify"),
    N_("a customer without e-mail cannot be subscribed to e-mail marketing"),
    # what stops a flow
    N_("%(flow)s is off in sync_settings"),
    N_("no plan of %(flow)s was approved yet"),
    N_("%(missing)s of %(linked)s linked %(kind)s are missing from the scan of %(system)s; nothing was unlinked"),
    N_("the plugin Shopify is active on the site"),
    N_("the app lacks the scopes %(names)s"),
    # What the pages refuse.
    N_("There is no flow %(flow)s."),
    N_("You have no right to do this in %(flow)s."),
    N_("The settings are kept in %(place)s. Change them there."),
    N_("The connection %(name)s is kept in %(place)s. Change it there."),
)
"""Templates of the sentences that are translated."""

_PLACE: Final = re.compile(r"%\((\w+)\)s")
_ITSELF_A_SENTENCE: Final = frozenset({"reason"})
_NAMED: Final = {system.value: name for system, name in SYSTEMS.items()}
_SYSTEM: Final = frozenset({"system", "other"})
_KINDS: Final = {
    "customer": N_("customer"),
    "product": N_("product"),
    "order": N_("order"),
    "customers": N_("customers"),
    "products": N_("products"),
    "orders": N_("orders"),
}
_NEXT_STEP: Final = N_("Next step: %(fix)s")
_PLACES: Final = {"record": N_("record"), "field": N_("field"), "rule": N_("rule")}
_PLACE_NAME: Final = re.compile(r"(?<![^\[ ])(record|field|rule) ")
_KIND_NAME: Final = re.compile(r"\b(customer|product|order) ")


def said(spoken: Language, text: str) -> str:
    """Return a sentence of the synchroniser in a language; one that is not known stays as it is.

    Args:
        spoken: the language.
        text: a reason, a message, or an error with code, title and next step as logs show it.
    """
    if not text:
        return text
    if text in CALLED:
        return spoken.text(CALLED[text])
    return _error(spoken, text) or _sentence(spoken, text)


def template_of(text: str) -> str | None:
    """Return the template a sentence was made of, None if it is not known."""
    return next((template for template, pattern in _patterns() if pattern.fullmatch(text)), None)


def _sentence(spoken: Language, text: str) -> str:
    for template, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            values = {name: _value(spoken, name, value) for name, value in found.groupdict().items()}
            return spoken.text(template) % values
    return text


def _value(spoken: Language, name: str, value: str) -> str:
    if name in _ITSELF_A_SENTENCE:
        return said(spoken, value)
    if name in _SYSTEM:
        return _NAMED.get(value, value)
    if name == "kind" and value in _KINDS:
        return spoken.text(_KINDS[value])
    if name == "records":
        return _KIND_NAME.sub(lambda found: f"{spoken.text(_KINDS[found[1]])} ", value)
    return flow_called(spoken, value) if name == "flow" else value


def _error(spoken: Language, text: str) -> str | None:
    """Return an error as `SyncError` writes it, with its title and next step in the language."""
    code = CODES.get(text[:8])
    if code is None:
        return None
    start, end = f"{code.code} {code.title}: ", f". Next step: {code.fix}"
    if not (text.startswith(start) and text.endswith(end)):
        return None
    message, bracket, place = text[len(start) : -len(end)].partition(" [")
    fix = spoken.text(_NEXT_STEP, fix=spoken.text(code.fix))
    where = _PLACE_NAME.sub(lambda found: f"{spoken.text(_PLACES[found[1]])} ", place)
    return f"{code.code} {spoken.text(code.title)}: {said(spoken, message)}{bracket}{where}. {fix}"


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The templates as patterns: sentences around a sentence are tried first, then those that say the most."""
    ordered = sorted(SENTENCES, key=lambda one: ("%(reason)s" not in one, -len(_PLACE.sub("", one))))
    return tuple((template, _pattern(template)) for template in ordered)


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)
    # Texts and names of places take turns.
    written = [re.escape(part) if number % 2 == 0 else f"(?P<{part}>.+?)" for number, part in enumerate(parts)]
    return re.compile("".join(written), re.DOTALL)
