"""Creating and updating products: each step can be repeated, and none deletes what it does not name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from shopify_fw360.errors import SHOPIFY_CHANGED, SHOPIFY_PROCESSING, UNCLEAR_CREATE, VANISHED, SyncError
from shopify_fw360.records import UNFINISHED, UNSET, ChildList, Entity, Raw, SourceRecord, TargetField, WriteResult
from shopify_fw360.shopify.answers import rejection
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.mutations import (
    ERRORS,
    ERRORS_WITH_CODE,
    MUTATION_COST,
    Mutation,
    RecordWriter,
    metafield_mutations,
    tag_mutations,
)
from shopify_fw360.shopify.product_fields import IMAGES, VARIANTS, Pairs, pairs_of
from shopify_fw360.shopify.product_inputs import field_name, new_product_input, place, product_input
from shopify_fw360.shopify.product_media import ProductMedia, pauses
from shopify_fw360.shopify.product_records import available, compute, is_stocked
from shopify_fw360.shopify.product_stock import CONCURRENT, STALE, StockRow, stock_mutations
from shopify_fw360.shopify.product_variants import (
    by_options,
    needs_structure,
    options_key,
    plain_plan,
    structure_plan,
    within_reach,
)
from shopify_fw360.shopify.records_reader import RecordsReader, custom_id
from shopify_fw360.shopify.selection import compile_selection
from shopify_fw360.shopify.shop_facts import ShopFacts
from shopify_fw360.shopify.variant_mutations import order_mutations, structure_batches, update_batches
from shopify_fw360.shopify.virtual import LOCATION

AT_ONCE: Final = 100
"""Variants up to which productSet answers when it is done (Shopify: a request ends after 10 s)."""

QUANTITY: Final = f"{VARIANTS}[].quantity"

_STRUCTURE: Final = (
    "hasOnlyDefaultVariant",
    "options[].id",
    "options[].name",
    "options[].optionValues[].id",
    "options[].optionValues[].name",
    f"{VARIANTS}[].id",
    f"{VARIANTS}[].options",
    f"{VARIANTS}[].inventoryItem.id",
    f"{VARIANTS}[].inventoryItem.tracked",
)
_APPEARS: Final = 4.0
_OPERATION: Final = """query ProductSetState($id: ID!) {
  productOperation(id: $id) {
    status
    product { id }
    ... on ProductSetOperation { userErrors { field message code } }
  }
}"""


class ProductWriter:
    """Writes the products of one shop; may be used by several threads at once.

    Args:
        client: of the shop.
        reader: how products are read back.
        facts: of the shop.
        targets: target fields that may be written, by name.
        location: name, id or number of the stock location, None for the shop's own choice.
        publish: names, ids or numbers of the sales channels new products are published to, or all, or none of them.
        patience: seconds a write waits for Shopify to process images and large products.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        client: ShopifyClient,
        reader: RecordsReader,
        facts: ShopFacts,
        targets: Mapping[str, TargetField],
        *,
        location: str | None = None,
        publish: Literal["all", "none"] | Sequence[str] = "all",
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._reader = reader
        self._facts = facts
        self._targets = targets
        self._location = location
        self._publish = publish
        self._patience = patience
        self._sleep = sleep
        self._writer = RecordWriter(client, reader, field_name)
        self._media = ProductMedia(client, patience=patience, sleep=sleep)
        paths = {*_STRUCTURE, *(target.name for target in targets.values() if target.name == QUANTITY)}
        self._structure = RecordsReader(
            client,
            compile_selection(Entity.PRODUCT, paths),
            values=lambda: {LOCATION: facts.location(location)},
            complete=compute,
        )
        self._maker = RecordWriter(client, self._structure, field_name)

    def create(
        self, fields: Mapping[str, Any], other_id: str, find: Callable[[str], SourceRecord | None]
    ) -> WriteResult:
        """Create a product; repeating it with the same other_id goes on with the one already created.

        productSet makes product, options, variants and images at once, found again by the external id written with
        them; then images are waited for, and stock and publishing follow in one request. It is used only while no such
        product exists, because its lists delete what they do not name.

        Args:
            fields: target fields, child lists with new children only.
            other_id: Framework360's id, kept as external id.
            find: finds the product by the external id, not by the search index.

        Returns:
            The product as read back.

        Raises:
            SyncError: SYNC-312 when Shopify refuses a value or an image, SYNC-316 when it takes too long, SYNC-209
                when it is unknown whether the product was made.
        """
        sent = self._client.sent
        name = f"product framework360:{other_id}"
        fields = _stated(fields)
        found, is_new = find(other_id), False
        if found is None:
            try:
                product = self._make(fields, other_id, name)
            except SyncError as error:
                found = self._appeared(other_id, find) if error.code is UNCLEAR_CREATE else None
                if found is None:
                    raise
                is_new = True
            else:
                if VARIANTS not in fields or within_reach(fields[VARIANTS]) == fields[VARIANTS]:
                    record, children = self._complete(product, fields, other_id, name)
                    return WriteResult(record, created=True, requests=self._client.sent - sent, children=children)
                found, is_new = self._appeared(other_id, find), True
                if found is None:
                    raise self._vanished(name)
        result = self.update(found, fields, other_id)
        return replace(result, created=is_new, requests=self._client.sent - sent)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write the changed fields of a product, and its external id if it is missing or another.

        Args:
            current: as read by the gateway.
            changes: target fields and their new values; None empties a field.
            other_id: Framework360's id.

        Returns:
            The product as read back.

        Raises:
            SyncError: SYNC-312 when Shopify refuses a value or an image, SYNC-314 when stock or variants were changed
                in Shopify since they were read, SYNC-316 when it takes too long, SYNC-208 when the product is gone,
                SYNC-209 when the outcome is unknown.
        """
        sent = self._client.sent
        name = f"product shopify:{current.id}"
        try:
            record, children = self._update(current, _stated(changes), other_id, name)
        except SyncError as error:
            is_about_it = error.record == name and error.code is not VANISHED
            if is_about_it and not self._reader.fetch([current.id]):
                raise self._vanished(name) from error
            raise
        return WriteResult(record, requests=self._client.sent - sent, children=children)

    def _make(self, fields: Mapping[str, Any], other_id: str, name: str) -> Raw:
        if VARIANTS in fields:
            fields = {**fields, VARIANTS: within_reach(fields[VARIANTS])}
        given = new_product_input(fields, self._targets, other_id, name)
        at_once = len(given.get("variants") or ()) <= AT_ONCE
        variables = {
            "identifier": ("ProductSetIdentifiers!", {"customId": custom_id(other_id)}),
            "input": ("ProductSetInput!", given),
            "synchronous": ("Boolean!", at_once),
        }
        call = "productSet(identifier: $identifier, input: $input, synchronous: $synchronous)"
        payload = f"product %s productSetOperation {{ id }} {ERRORS_WITH_CODE}"
        cost = MUTATION_COST + _input_cost(given)
        made = Mutation("made", call, payload, variables, reads_back="product", repeatable=False, cost=cost)
        answer = self._maker.execute("ProductCreate", [made], name)["made"]
        if answer.get("product"):
            return self._structure.records([answer["product"]])[0].raw
        return self._structure_of(self._await(answer["productSetOperation"]["id"], name), name)

    def _await(self, operation: str, name: str) -> str:
        for pause in pauses(self._patience):
            self._sleep(pause)
            data = self._reader.query(_OPERATION, {"id": operation}, "ProductSetState", 2)
            refusal = rejection(data, name, lambda key, error: field_name((), key, error))
            if refusal is not None:
                raise refusal
            state = data["productOperation"]
            if state["status"] == "COMPLETE":
                return str(state["product"]["id"])
        raise SyncError(SHOPIFY_PROCESSING, f"the product is not made after {self._patience:.0f} s", record=name)

    def _appeared(self, other_id: str, find: Callable[[str], SourceRecord | None]) -> SourceRecord | None:
        """Look for a product whose making was not answered; Shopify may still be busy with it."""
        for pause in (0.0, *pauses(_APPEARS)):
            self._sleep(pause)
            found = find(other_id)
            if found is not None:
                return found
        return None

    def _complete(
        self, product: Raw, fields: Mapping[str, Any], other_id: str, name: str
    ) -> tuple[SourceRecord, dict[str, dict[str, str]]]:
        """Do what follows productSet."""
        children: dict[str, dict[str, str]] = {}
        images: ChildList = fields.get(IMAGES, ChildList(()))
        if images.kept:
            _, pictures = self._media.sent(product["id"], None, images, range(len(images.kept)), name)
            children[IMAGES] = _by_source(images, pictures)
        batches: list[list[Mutation]] = []
        if VARIANTS in fields:
            variants: ChildList = fields[VARIANTS]
            ids = _ids(variants, {}, [pairs_of(child.values.get("options")) for child in variants.kept], product)
            children[VARIANTS] = _by_source(variants, ids)
            batches += self._stock(variants, ids, product, product, other_id)
        publication = self._publication(product["id"])
        batches = [*batches[:-1], [*(batches[-1] if batches else []), *publication]]
        record = self._run("ProductFinish", batches, name)
        return record or self._fetched(product["id"], name), children

    def _update(
        self, current: SourceRecord, changes: Mapping[str, Any], other_id: str, name: str
    ) -> tuple[SourceRecord, dict[str, dict[str, str]]]:
        sent = self._client.sent
        children: dict[str, dict[str, str]] = {}
        if IMAGES in changes:
            children[IMAGES] = self._media.write(current.id, changes[IMAGES], name)
        fields = self._field_mutations(current.raw, changes, other_id)
        record: SourceRecord | None
        if VARIANTS in changes:
            variants: ChildList = changes[VARIANTS]
            record, ids = self._write_variants(current, variants, fields, children.get(IMAGES, {}), other_id, name)
            children[VARIANTS] = _by_source(variants, ids)
        else:
            record = self._run("ProductUpdate", [fields], name)
        if current.raw.get(UNFINISHED):
            record = self._run("ProductPublish", [self._publication(current.id)], name) or record
        if record is None:
            record = current if self._client.sent == sent else self._fetched(current.id, name)
        return record, children

    def _write_variants(
        self,
        current: SourceRecord,
        variants: ChildList,
        fields: list[Mutation],
        pictures: Mapping[str, str],
        other_id: str,
        name: str,
    ) -> tuple[SourceRecord | None, dict[int, str]]:
        """Write variants, plain fields and stock; returns the product if it was read back, and ids by position."""
        if needs_structure(variants):
            pairs, known = self._restructure(current, variants, pictures, name)
            record = self._run("ProductUpdate", [fields], name) or self._fetched(current.id, name)
            ids = _ids(variants, known, pairs, record.raw)
        else:
            plan = plain_plan(variants)
            ids = dict(plan.known)
            updates = update_batches(current.id, plan, current.raw, pictures, name)
            if not any({"tracked", "position"} & child.changes.keys() for child in variants.kept):
                # Nothing that must be done first changes, so that stock needs no request of its own.
                batches = self._stock(variants, ids, current.raw, current.raw, other_id)
                first = [*(batches.pop() if batches else []), *fields, *(updates.pop(0) if updates else [])]
                return self._run("ProductUpdate", [*batches, first, *updates], name), ids
            first = [*fields, *(updates.pop(0) if updates else [])]
            record = self._run("ProductUpdate", [first, *updates], name) or self._fetched(current.id, name)
        late = [
            *order_mutations(current.id, variants, ids, record.raw),
            *self._stock(variants, ids, record.raw, current.raw, other_id),
        ]
        return (self._run("ProductStock", late, name) if late else record), ids

    def _restructure(
        self, current: SourceRecord, variants: ChildList, pictures: Mapping[str, str], name: str
    ) -> tuple[Sequence[Pairs], Mapping[int, str]]:
        """Bring options and variants to the wanted ones; returns the options and known ids of the kept children."""
        attempts = 2
        while True:
            attempts -= 1
            plan = structure_plan(self._structure_of(current.id, name), variants, name)
            try:
                for batch in structure_batches(current.id, plan, current.raw, pictures, name):
                    self._run("ProductVariants", [batch], name)
            except SyncError as error:
                # How far it came is told by the product itself.
                if error.code is not UNCLEAR_CREATE or not attempts:
                    raise
                continue
            return plan.pairs, plan.known

    def _field_mutations(self, current: Raw, changes: Mapping[str, Any], other_id: str) -> list[Mutation]:
        mutations = metafield_mutations(current, changes, self._targets, other_id)
        mutations += tag_mutations("Product", current, changes)
        given = product_input(changes)
        if given:
            variables = {"product": ("ProductUpdateInput!", {"id": current["id"], **given})}
            call = "productUpdate(product: $product)"
            mutations.append(Mutation("product", call, f"product %s {ERRORS}", variables, reads_back="product"))
        return mutations

    def _stock(
        self, variants: ChildList, ids: Mapping[int, str], product: Raw, read: Raw, other_id: str
    ) -> list[list[Mutation]]:
        """The requests that set the quantities that differ.

        Args:
            variants: the complete list.
            ids: of its children in Shopify, by position.
            product: with the present inventory items.
            read: the product as it was when the quantities were decided.
            other_id: Framework360's id of the product.
        """
        now = {variant["id"]: variant for variant in product["variants"]}
        before = {variant["id"]: variant.get("quantity") for variant in read["variants"]}
        rows = []
        for index, child in enumerate(variants.kept):
            quantity = child.changes.get("quantity", UNSET)
            variant = now.get(ids.get(index, ""))
            if quantity is UNSET or quantity is None or variant is None or not variant["inventoryItem"]["tracked"]:
                continue
            item = variant["inventoryItem"]
            present = available(item)
            if int(quantity) != present or not is_stocked(item):
                known = before.get(variant["id"])
                label = place(VARIANTS, index)
                seen = present if known is None else int(known)
                rows.append(StockRow(label, item["id"], is_stocked(item), seen, int(quantity)))
        return list(stock_mutations(rows, self._facts.location(self._location), other_id)) if rows else []

    def _publication(self, product: str) -> list[Mutation]:
        if self._publish == "none":
            return []
        wanted = None if self._publish == "all" else self._publish
        publications = [{"publicationId": gid} for gid in self._facts.publications(wanted)]
        if not publications:
            return []
        variables: dict[str, tuple[str, Any]] = {
            "id": ("ID!", product),
            "publications": ("[PublicationInput!]!", publications),
        }
        call = "publishablePublish(id: $id, input: $publications)"
        payload = f"publishable {{ ... on Product %s }} {ERRORS}"
        return [Mutation("published", call, payload, variables, ("publications",), reads_back="publishable")]

    def _run(self, operation: str, batches: Sequence[Sequence[Mutation]], name: str) -> SourceRecord | None:
        """Send each batch as one request; returns the product if the last one has read it back."""
        record: SourceRecord | None = None
        try:
            for batch in batches:
                if batch:
                    record = self._writer.send(operation, batch, name)
        except SyncError as error:
            if error.rule in (STALE, CONCURRENT):
                text = f"the stock was changed in Shopify since it was read: {error.message}"
                raise SyncError(SHOPIFY_CHANGED, text, record=name, field=error.field, rule=error.rule) from error
            raise
        return record

    def _structure_of(self, product: str, name: str) -> Raw:
        found = self._structure.fetch([product]).get(product)
        if found is None:
            raise self._vanished(name)
        return found.raw

    def _fetched(self, product: str, name: str) -> SourceRecord:
        found = self._reader.fetch([product]).get(product)
        if found is None:
            raise self._vanished(name)
        return found

    @staticmethod
    def _vanished(name: str) -> SyncError:
        return SyncError(VANISHED, "the product no longer exists in Shopify", record=name)


def _stated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET}


def _ids(variants: ChildList, known: Mapping[int, str], pairs: Sequence[Pairs], product: Raw) -> dict[int, str]:
    """Return the id of each child by its position; new ones are known by their options."""
    found = by_options(product)
    ids = dict(known)
    for index, child in enumerate(variants.kept):
        if index not in ids and child.source_id is not None:
            ids[index] = found[options_key(pairs[index])]
    return ids


def _by_source(children: ChildList, ids: Mapping[int, str]) -> dict[str, str]:
    return {
        child.source_id: ids[index]
        for index, child in enumerate(children.kept)
        if child.source_id is not None and index in ids
    }


def _input_cost(given: Mapping[str, Any]) -> float:
    """Return the points productSet asks for its input (Shopify: in the schema's cost metadata)."""
    variants = given.get("variants") or ()
    with_file = sum(1 for variant in variants if "file" in variant)
    return (
        0.2 * len(variants)
        + 1.9 * len(given.get("files") or ())
        + 0.4 * len(given.get("metafields") or ())
        + 0.6 * with_file
    )
