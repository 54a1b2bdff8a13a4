"""Images of a product: what Shopify makes of them takes time, may fail, and must not be done twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from shopify_fw360.errors import (
    SHOPIFY_CHANGED,
    SHOPIFY_PROCESSING,
    SHOPIFY_REJECTED,
    UNCLEAR_CREATE,
    VANISHED,
    SyncError,
)
from shopify_fw360.records import ChildList, ChildWrite, Entity, Raw
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.mutations import ERRORS, ERRORS_WITH_CODE, Mutation, RecordWriter
from shopify_fw360.shopify.product_fields import IMAGES
from shopify_fw360.shopify.product_inputs import address_of, field_name, place
from shopify_fw360.shopify.product_records import FAILED, IMAGE, file_name, is_waiting
from shopify_fw360.shopify.records_reader import RecordsReader, chunks
from shopify_fw360.shopify.selection import compile_selection

FILES: Final = 250
"""Shopify: input arrays hold at most 250 entries."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 4.0

_PATHS: Final = (
    "media[].id",
    "media[].MediaImage.status",
    "media[].MediaImage.image.url",
    "media[].MediaImage.mediaErrors[].code",
    "media[].MediaImage.mediaErrors[].message",
    "media[].MediaImage.mediaErrors[].details",
)


Sent: TypeAlias = tuple[Raw, dict[int, str]]
"""Media of a product as read, and ids of images by their position in a child list."""


class ProductMedia:
    """The images of the products of one shop.

    Args:
        client: of the shop.
        patience: seconds a write waits for images to be processed.
        sleep: waits the given seconds.
    """

    def __init__(
        self, client: ShopifyClient, *, patience: float = 60.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._reader = RecordsReader(client, compile_selection(Entity.PRODUCT, _PATHS))
        self._writer = RecordWriter(client, self._reader, field_name)
        self._patience = patience
        self._sleep = sleep

    def wait(self, ids: Sequence[str], seconds: float, *, at_once: bool = True) -> dict[str, Raw]:
        """Read the media of products, again and again until none is being processed or the time is over.

        Args:
            ids: global ids of the products.
            seconds: how long at most.
            at_once: whether to read before the first pause; images just sent are never ready then.

        Returns:
            What was read last, by product id; a product that does not exist is absent.
        """
        found: dict[str, Raw] = {}
        waiting = list(ids)
        for pause in (*((0.0,) if at_once else ()), *pauses(seconds)):
            self._sleep(pause)
            read = self._reader.fetch(waiting)
            found.update((product, record.raw) for product, record in read.items())
            waiting = [product for product in waiting if product in found and is_waiting(found[product])]
            if not waiting:
                break
        return found

    def sent(self, product: str, before: Raw | None, images: ChildList, indices: Sequence[int], record: str) -> Sent:
        """Find images just sent and wait until Shopify has processed them.

        Args:
            product: global id.
            before: its media before they were sent, None for a new product.
            images: the list they belong to.
            indices: positions in it of the images sent, in the order of sending.
            record: for errors.

        Returns:
            The media of the product, and the id of each image sent by its position.

        Raises:
            SyncError: SYNC-312 naming the first image Shopify could not process, after all that failed were taken
                away again; SYNC-316 if it takes too long.
        """
        known = {medium["id"] for medium in (before or {}).get("media") or ()}
        raw = self._read(product, record, at_once=False)
        new = [medium for medium in raw["media"] if medium.get(IMAGE) and medium["id"] not in known]
        pairs = list(zip(indices, new, strict=False))
        failed = [(index, medium) for index, medium in pairs if medium[IMAGE]["status"] == FAILED]
        if failed:
            self._delete([medium["id"] for _, medium in failed], record)
            index, medium = failed[0]
            raise _failure(images.kept[index], place(IMAGES, index), medium[IMAGE], record)
        if len(pairs) < len(indices) or is_waiting(raw):
            text = f"{len(indices)} images sent are not all ready after {self._patience:.0f} s"
            raise SyncError(SHOPIFY_PROCESSING, text, record=record, field=IMAGES)
        return raw, {index: medium["id"] for index, medium in pairs}

    def write(self, product: str, images: ChildList, record: str) -> dict[str, str]:
        """Bring the images of a product to the wanted list.

        Images that are there are kept by their id; an image is uploaded only if it is not there. What a merchant adds
        meanwhile and videos stay. A removed image is taken from the product, its file stays in the shop's library.

        Args:
            product: global id.
            images: the complete list.
            record: for errors.

        Returns:
            Id of each kept image that the source has, by its id there.

        Raises:
            SyncError: SYNC-312 for an image Shopify refuses, SYNC-316, or SYNC-209 if it is unknown whether an upload
                arrived.
        """
        try:
            raw, known = self._bring(product, images, record)
        except SyncError as error:
            if error.code is not UNCLEAR_CREATE:
                raise
            # Whether the uploads arrived is told by the images themselves.
            raw, known = self._bring(product, images, record)
        self._reorder(product, raw, images, known, record)
        return {
            child.source_id: known[index]
            for index, child in enumerate(images.kept)
            if child.source_id is not None and index in known
        }

    def _bring(self, product: str, images: ChildList, record: str) -> Sent:
        """Remove, describe and upload; returns the media as they are then, and ids of the kept images."""
        raw = self._read(product, record)
        if is_waiting(raw):
            text = f"images of the product are not ready after {self._patience:.0f} s"
            raise SyncError(SHOPIFY_PROCESSING, text, record=record, field=IMAGES)
        known = _paired(raw, images)
        for index, child in enumerate(images.kept):
            if index not in known and child.target_id is not None and child.source_id is not None:
                text = f"the image {child.target_id} was removed in Shopify meanwhile"
                raise SyncError(SHOPIFY_CHANGED, text, record=record, field=place(IMAGES, index))
        fresh = [index for index, child in enumerate(images.kept) if child.target_id is None and index not in known]
        mutations = self._mutations(product, raw, images, known, fresh, record)
        if mutations:
            self._writer.execute("ProductImages", mutations, record)
        if not fresh:
            return raw, known
        after, sent = self.sent(product, raw, images, fresh, record)
        return after, known | sent

    def _read(self, product: str, record: str, *, at_once: bool = True) -> Raw:
        found = self.wait([product], self._patience, at_once=at_once).get(product)
        if found is None:
            raise SyncError(VANISHED, "the product no longer exists in Shopify", record=record)
        return found

    def _mutations(
        self,
        product: str,
        raw: Raw,
        images: ChildList,
        known: Mapping[int, str],
        fresh: Sequence[int],
        record: str,
    ) -> list[Mutation]:
        mutations = []
        held = {medium["id"] for medium in raw["media"]}
        updates = [
            {"id": gone, "referencesToRemove": [product]}
            for gone in images.removed
            if gone in held and gone not in known.values()
        ]
        labels = [IMAGES] * len(updates)
        for index, child in enumerate(images.kept):
            if index in known and "alt" in child.changes:
                updates.append({"id": known[index], "alt": child.changes["alt"] or ""})
                labels.append(place(IMAGES, index))
        for number, part in enumerate(chunks(list(zip(updates, labels, strict=True)), FILES)):
            mutations.append(_file_update(number, [update for update, _ in part], tuple(label for _, label in part)))
        for number, indices in enumerate(chunks(fresh, FILES)):
            media = [
                {
                    "mediaContentType": "IMAGE",
                    "originalSource": address_of(images.kept[index], place(IMAGES, index), record),
                    "alt": images.kept[index].values.get("alt") or "",
                }
                for index in indices
            ]
            mutations.append(_upload(number, product, media, tuple(place(IMAGES, index) for index in indices)))
        return mutations

    def _delete(self, files: Sequence[str], record: str) -> None:
        call = "fileDelete(fileIds: $files)"
        variables = {"files": ("[ID!]!", list(files))}
        gone = Mutation("gone", call, f"deletedFileIds {ERRORS_WITH_CODE}", variables, fields=(IMAGES,))
        # What is left behind is only litter, and why the image failed is what a person must learn.
        with contextlib.suppress(SyncError):
            self._writer.execute("ProductImagesFailed", [gone], record)

    def _reorder(self, product: str, raw: Raw, images: ChildList, known: Mapping[int, str], record: str) -> None:
        if not any("position" in child.changes for child in images.kept):
            return
        order = [medium["id"] for medium in raw["media"]]
        wanted = [known[index] for index in range(len(images.kept)) if known.get(index) in order]
        moves = list(_moves(order, wanted))
        for part in chunks(moves, FILES):
            variables: dict[str, tuple[str, Any]] = {"id": ("ID!", product), "moves": ("[MoveInput!]!", list(part))}
            call = "productReorderMedia(id: $id, moves: $moves)"
            payload = "job { id done } mediaUserErrors { field message code }"
            move = Mutation("order", call, payload, variables, fields=(f"{IMAGES}[].position",))
            job = (self._writer.execute("ProductImagesOrder", [move], record)["order"] or {}).get("job") or {}
            self._await_job(job, record)

    def _await_job(self, job: Mapping[str, Any], record: str) -> None:
        done = bool(job.get("done", True))
        for pause in pauses(self._patience):
            if done:
                return
            self._sleep(pause)
            text = "query ProductImagesJob($id: ID!) { job(id: $id) { done } }"
            state = self._reader.query(text, {"id": job["id"]}, "ProductImagesJob", 1)["job"]
            done = state is None or bool(state["done"])
        if not done:
            raise SyncError(SHOPIFY_PROCESSING, "the order of the images is still being changed", record=record)


def _paired(raw: Raw, images: ChildList) -> dict[int, str]:
    """Return the images that are there, by the position of their child.

    An image that looks new may be there from an earlier attempt whose answer was lost: then it is one that nobody
    speaks of, with the name of the file.
    """
    held = {medium["id"]: medium[IMAGE] for medium in raw["media"] if medium.get(IMAGE)}
    known = {index: child.target_id for index, child in enumerate(images.kept) if child.target_id in held}
    spoken = {*images.removed, *(child.target_id for child in images.kept)}
    free: dict[str, list[str]] = {}
    for medium, image in held.items():
        if medium not in spoken and image.get("status") != FAILED and image.get("image"):
            free.setdefault(file_name(image["image"]["url"]), []).append(medium)
    for index, child in enumerate(images.kept):
        same = free.get(file_name(str(child.values.get("url") or "")), []) if child.target_id is None else []
        if same:
            known[index] = same.pop(0)
    return {index: found for index, found in known.items() if found is not None}


def _file_update(number: int, files: Sequence[Mapping[str, Any]], labels: tuple[str, ...]) -> Mutation:
    name = f"files{number}"
    variables = {name: ("[FileUpdateInput!]!", list(files))}
    return Mutation(name, f"fileUpdate(files: ${name})", f"files {{ id }} {ERRORS_WITH_CODE}", variables, rows=labels)


def _upload(number: int, product: str, media: Sequence[Mapping[str, Any]], labels: tuple[str, ...]) -> Mutation:
    name = f"media{number}"
    variables: dict[str, tuple[str, Any]] = {
        "product": ("ProductUpdateInput!", {"id": product}),
        name: ("[CreateMediaInput!]!", list(media)),
    }
    call = f"productUpdate(product: $product, media: ${name})"
    return Mutation(f"upload{number}", call, f"product {{ id }} {ERRORS}", variables, rows=labels, repeatable=False)


def _moves(order: Sequence[str], wanted: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the moves that bring the wanted media into their order; others keep their places among all.

    Args:
        order: all media as they are.
        wanted: some of them as they shall follow each other.
    """
    now = list(order)
    slots = [index for index, medium in enumerate(order) if medium in set(wanted)]
    for slot, medium in zip(slots, wanted, strict=True):
        if now[slot] != medium:
            now.remove(medium)
            now.insert(slot, medium)
            yield {"id": medium, "newPosition": str(slot)}


def _failure(child: ChildWrite, label: str, state: Mapping[str, Any], record: str) -> SyncError:
    address = str(child.values.get("url") or "")
    name = urlsplit(address).path.rpartition("/")[2] or address
    found: Mapping[str, Any] = next(iter(state.get("mediaErrors") or ()), {})
    details = "; ".join(str(part) for part in (found.get("message"), found.get("details")) if part)
    text = f"Shopify could not take the image {name}: {details or 'no reason given'}"
    rule = str(found.get("code") or "failed").lower()
    return SyncError(SHOPIFY_REJECTED, text, record=record, field=f"{label}.url", rule=rule)


def pauses(seconds: float) -> Iterator[float]:
    """Yield pauses that grow, together about as long as the time given."""
    pause, spent = FIRST_PAUSE, 0.0
    while spent < seconds:
        yield min(pause, seconds - spent)
        spent += pause
        pause = min(2 * pause, LONGEST_PAUSE)
