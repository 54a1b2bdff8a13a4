"""Mutations of any record: how they are written, sent and read back, and those that all entities share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Raw, SourceRecord, TargetField
from shopify_fw360.shopify.answers import rejection
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.fields import APP, EXTERNAL_ID, EXTERNAL_ID_PATH
from shopify_fw360.shopify.paths import METAFIELDS, metafield_of
from shopify_fw360.shopify.records_reader import RecordsReader, chunks, explained

MUTATION_COST: Final = 10.0
"""Points of one mutation field, without what its payload selects."""

METAFIELDS_PER_CALL: Final = 25
"""Shopify: metafieldsSet takes at most 25 entries."""

ERRORS: Final = "userErrors { field message }"
ERRORS_WITH_CODE: Final = "userErrors { field message code }"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation field of a document.

    Args:
        key: its alias.
        call: field with arguments; names the variables below.
        payload: selection of the payload; ``%s`` stands for a selection of the record where it can be read back.
        variables: name to GraphQL type and value; mutations of one document may share one of the same value.
        fields: mapping field names by their position in a list argument, for naming user errors.
        rows: names of the children by their position in a list argument, for example ``variants[2]``, likewise.
        reads_back: response key of the record in the payload, None if it is not in it.
        repeatable: whether doing it twice does no more than doing it once.
        cost: points it requests besides the record that is read back.
    """

    key: str
    call: str
    payload: str
    variables: Mapping[str, tuple[str, Any]]
    fields: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    reads_back: str | None = None
    repeatable: bool = True
    cost: float = MUTATION_COST

    def text(self, selection: str | None) -> str:
        """Return the field, reading the record back with the given selection."""
        record = f"{{ {selection or 'id'} }}"
        payload = self.payload.replace("%s", record)
        return f"{self.key}: {self.call} {{ {payload} }}"


FieldNamer: TypeAlias = Callable[[Sequence[Mutation], str, Mapping[str, Any]], str]
"""Gives for the mutations sent, the alias of the failed one and a user error the name of the mapping's field."""


class RecordWriter:
    """Sends mutations of one record and reads it back in the same request.

    Args:
        client: of the shop.
        reader: how records are read back.
        field_name: names the mapping's field of a user error.
    """

    def __init__(self, client: ShopifyClient, reader: RecordsReader, field_name: FieldNamer) -> None:
        self._client = client
        self._reader = reader
        self._field_name = field_name

    def send(self, operation: str, mutations: Sequence[Mutation], record: str) -> SourceRecord | None:
        """Do the mutations in their order, in one request, and read the record back.

        Args:
            operation: name of the operation.
            mutations: at least one; Shopify does the later ones even if an earlier one fails.
            record: what is written, for errors.

        Returns:
            The record as read back, None if no payload has it.

        Raises:
            SyncError: as `execute`.
        """
        data = self.execute(operation, mutations, record)
        reader = reading(mutations)
        if reader is None or reader.reads_back is None:
            return None
        answer = (data.get(reader.key) or {}).get(reader.reads_back)
        return self._reader.records([answer])[0] if answer and answer.get("id") else None

    def execute(self, operation: str, mutations: Sequence[Mutation], record: str) -> dict[str, Any]:
        """Do the mutations in their order, in one request, and return the data of the answer.

        Args:
            operation: name of the operation.
            mutations: as for `send`.
            record: what is written, for errors.

        Raises:
            SyncError: SYNC-312 when Shopify refuses a value, SYNC-209 when the outcome is unknown and the mutations
                must not be repeated, else as the client raises.
        """
        selection = self._reader.selection
        reader = reading(mutations)
        variables = {name: typed for mutation in mutations for name, typed in mutation.variables.items()}
        if reader:
            variables |= self._reader.variables_of(selection.text)
        try:
            data = self._client.execute(
                document(operation, mutations, selection.text, variables),
                {name: value for name, (_, value) in variables.items()},
                operation_name=operation,
                idempotent=all(mutation.repeatable for mutation in mutations),
                cost=sum(mutation.cost for mutation in mutations) + (1 + selection.cost if reader else 0),
            )
        except SyncError as error:
            raise explained(error) from error
        refused = rejection(data, record, lambda key, error: self._field_name(mutations, key, error))
        if refused is not None:
            raise refused
        return data


def document(name: str, mutations: Sequence[Mutation], selection: str, variables: Mapping[str, tuple[str, Any]]) -> str:
    """Return the text of one operation; its last mutation reads the record back if it can.

    Args:
        name: of the operation.
        mutations: at least one, in the order Shopify shall do them.
        selection: what is read back of the record.
        variables: type and value of each variable of the operation.
    """
    reader = reading(mutations)
    head = ", ".join(f"${variable}: {kind}" for variable, (kind, _) in variables.items())
    body = " ".join(mutation.text(selection if mutation is reader else None) for mutation in mutations)
    return f"mutation {name}({head}) {{ {body} }}"


def reading(mutations: Sequence[Mutation]) -> Mutation | None:
    """Return the mutation whose payload holds the final state: the last one, if its payload has the record."""
    return mutations[-1] if mutations and mutations[-1].reads_back else None


def listed_field(mutation: Mutation, error: Mapping[str, Any]) -> str:
    """Return the field that a user error of a mutation with a list argument is about; see `Mutation.fields`."""
    if len(mutation.fields) == 1:
        return mutation.fields[0]
    places = [int(part) for part in error.get("field") or () if str(part).isdigit()]
    return mutation.fields[places[0]] if places and places[0] < len(mutation.fields) else METAFIELDS


def metafield_mutations(
    current: Raw, changes: Mapping[str, Any], targets: Mapping[str, TargetField], other_id: str
) -> list[Mutation]:
    """Return the mutations that bring the metafields of a record to the wanted values.

    Args:
        current: the record as read.
        changes: target field to value, fields of other kinds are ignored; None empties a metafield.
        targets: the target fields by name, for the types of metafields.
        other_id: Framework360's id, kept as external id; written if it is missing or differs.
    """
    owner = current["id"]
    wanted = {name: value for name, value in changes.items() if name.startswith(f"{METAFIELDS}.")}
    wanted.pop(EXTERNAL_ID_PATH, None)
    entries: list[tuple[str, dict[str, Any]]] = []
    gone: list[tuple[str, dict[str, Any]]] = []
    if (current.get(METAFIELDS) or {}).get(APP, {}).get(EXTERNAL_ID) != other_id:
        identity = {"ownerId": owner, "namespace": APP, "key": EXTERNAL_ID, "type": "id", "value": other_id}
        entries.append((EXTERNAL_ID_PATH, identity))
    for name, value in wanted.items():
        namespace, key = metafield_of(name)
        place = {"ownerId": owner, "namespace": namespace, "key": key}
        if value in (None, "", ()):
            gone.append((name, place))
        else:
            kind = targets[name].metafield_type
            entries.append((name, {**place, "type": kind, "value": metafield_text(value, kind)}))
    mutations = []
    if gone:
        variables = {"gone": ("[MetafieldIdentifierInput!]!", [place for _, place in gone])}
        names = tuple(name for name, _ in gone)
        call = "metafieldsDelete(metafields: $gone)"
        mutations.append(Mutation("metafieldsDelete", call, f"deletedMetafields {{ key }} {ERRORS}", variables, names))
    for number, part in enumerate(chunks(entries, METAFIELDS_PER_CALL)):
        variable = f"metafields{number}"
        variables = {variable: ("[MetafieldsSetInput!]!", [entry for _, entry in part])}
        names = tuple(name for name, _ in part)
        call = f"metafieldsSet(metafields: ${variable})"
        mutations.append(Mutation(variable, call, f"metafields {{ id }} {ERRORS_WITH_CODE}", variables, names))
    return mutations


def metafield_text(value: Any, kind: str | None) -> str:
    """Return a value as the text a metafield of the given type holds (Shopify: all values are texts)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if (kind == "json" or (kind or "").startswith("list.")) and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def tag_mutations(type_name: str, current: Raw, changes: Mapping[str, Any]) -> list[Mutation]:
    """Return the mutations that bring the tags of a record to the wanted ones.

    Args:
        type_name: GraphQL type of the record.
        current: the record as read.
        changes: target field to value; without ``tags`` nothing is to be done.
    """
    if "tags" not in changes:
        return []
    held = {str(tag).strip().casefold(): str(tag) for tag in current.get("tags") or ()}
    wanted = {str(tag).strip().casefold(): str(tag).strip() for tag in changes["tags"] or () if str(tag).strip()}
    # Only the difference: tags the merchant adds between our reading and our writing survive.
    added = [tag for folded, tag in wanted.items() if folded not in held]
    removed = [tag for folded, tag in held.items() if folded not in wanted]
    mutations = []
    for key, call, tags in (("tagsRemove", "tagsRemove", removed), ("tagsAdd", "tagsAdd", added)):
        if tags:
            text = f"{call}(id: $id, tags: ${key})"
            variables = {"id": ("ID!", current["id"]), key: ("[String!]!", tags)}
            payload = f"node {{ ... on {type_name} %s }} {ERRORS}"
            mutations.append(Mutation(key, text, payload, variables, ("tags",), reads_back="node"))
    return mutations
