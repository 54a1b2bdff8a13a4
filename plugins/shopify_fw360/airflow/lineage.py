"""OpenLineage: which field of one system becomes which field of the other, told by the compiled mapping.

Nothing is sent unless the OpenLineage provider has a transport (``[openlineage] transport`` or ``OPENLINEAGE_URL``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shopify_fw360.mapping.rules import CompiledMapping, FieldRule
from shopify_fw360.records import Flow, Outcome, System
from shopify_fw360.sync.drain import DrainReport
from shopify_fw360.sync.pair import Pair

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset

WRITTEN: Final = (Outcome.CREATED, Outcome.UPDATED, Outcome.LINKED)


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the value of a target field comes from.

    Args:
        direct: source fields whose value it carries.
        indirect: source fields that only decide about it, such as those of defaults and conditions.
        changed: whether the mapping does more than carry the value over.
        about: place in the mapping file.
    """

    direct: tuple[str, ...]
    indirect: tuple[str, ...]
    changed: bool
    about: str


@dataclass(frozen=True, slots=True)
class Ends:
    """Names of the two datasets of a flow.

    Args:
        source: namespace of the system that is read, ``shopify://shop``.
        target: namespace of the system that is written.
        name: of the dataset in both, ``customers``.
    """

    source: str
    target: str
    name: str


def origins(mapping: CompiledMapping) -> dict[str, Origins]:
    """Return for each target field where its value comes from; fields with a fixed value come from nowhere.

    Args:
        mapping: of the flow; fields of children are named ``list.field``.
    """
    return {name: _origins(rule, mapping.file) for name, rule in mapping.all_rules if rule.paths}


def _origins(rule: FieldRule, file: str) -> Origins:
    return Origins(
        direct=tuple(sorted(rule.main_paths)),
        indirect=tuple(sorted(rule.paths - rule.main_paths)),
        changed=bool(rule.pipeline.steps) or bool(rule.pipeline.defaults) or len(rule.main_paths) != 1,
        about=f"{file}:{rule.line}",
    )


def ends(flow: Flow, *, shop: str, site: str) -> Ends:
    """Name the datasets of a flow.

    Args:
        flow: entity and direction.
        shop: the shop's address without scheme.
        site: address of the site, with or without scheme.

    Returns:
        The names, after OpenLineage's convention ``scheme://authority``.
    """
    host = urlsplit(site if "://" in site else f"//{site}").netloc
    namespaces = {System.SHOPIFY: f"shopify://{shop}", System.FRAMEWORK360: f"framework360://{host}"}
    return Ends(namespaces[flow.source], namespaces[flow.target], f"{flow.entity.value}s")


def is_on() -> bool:
    """Whether lineage is wanted: cheap, because every task asks, and most deployments have no lineage backend."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def tell(pair: Pair, flow: Flow, report: DrainReport, *, site: str) -> None:
    """Send an event of the running task with both datasets, the lineage of each field and the number of records.

    A backend that does not answer is logged by the provider and never fails the task.

    Args:
        pair: with the mapping of the flow and the shop.
        flow: entity and direction.
        report: what the task did.
        site: address of the site.
    """
    if pair.shop is None:
        return
    from airflow.providers.openlineage.api import emit_dataset_lineage

    inputs, outputs = datasets(pair.mapping(flow), ends(flow, shop=pair.shop.key, site=site), report)
    emit_dataset_lineage(inputs=[inputs], outputs=[outputs])


def datasets(mapping: CompiledMapping, named: Ends, report: DrainReport) -> tuple[InputDataset, OutputDataset]:
    """Make the two datasets of an event.

    Args:
        mapping: of the flow.
        named: their names.
        report: what the task did.

    Returns:
        Input with its fields; output with its fields, their lineage, and the number of records written.
    """
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    read = InputDataset(
        named.source, named.name, facets={"schema": _schema((path.path, path.type.value) for path in mapping.sources)}
    )
    rows = sum(report.outcomes[outcome] for outcome in WRITTEN)
    written = OutputDataset(
        named.target,
        named.name,
        facets={
            "schema": _schema((name, rule.target.type.value) for name, rule in mapping.all_rules),
            "columnLineage": _column_lineage(mapping, named),
        },
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
        },
    )
    return read, written


def _schema(fields: Iterable[tuple[str, str]]) -> schema_dataset.SchemaDatasetFacet:
    from openlineage.client.facet_v2 import schema_dataset

    return schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in fields]
    )


def _column_lineage(mapping: CompiledMapping, named: Ends) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    from openlineage.client.facet_v2 import column_lineage_dataset as facet

    def inputs(paths: Iterable[str], **how: Any) -> list[facet.InputField]:
        return [
            facet.InputField(named.source, named.name, path, transformations=[facet.Transformation(**how)])
            for path in paths
        ]

    found: Mapping[str, Origins] = origins(mapping)
    return facet.ColumnLineageDatasetFacet(
        fields={
            name: facet.Fields(
                inputFields=[
                    *inputs(
                        of.direct,
                        type="DIRECT",
                        subtype="TRANSFORMATION" if of.changed else "IDENTITY",
                        description=of.about,
                    ),
                    *inputs(of.indirect, type="INDIRECT", subtype="CONDITIONAL", description=of.about),
                ]
            )
            for name, of in found.items()
        },
        # The natural keys decide which record is written at all.
        dataset=inputs(
            sorted({path for key in mapping.match if key in found for path in found[key].direct}),
            type="INDIRECT",
            subtype="JOIN",
        ),
    )
