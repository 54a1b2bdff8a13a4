"""Rules for merge tests, without a mapping file around them."""

from shopify_fw360.mapping.pipeline import Pipeline
from shopify_fw360.mapping.rules import FieldRule
from shopify_fw360.records import FieldType, SourceField, TargetField


def rule(
    kind=FieldType.TEXT,
    *,
    merge="ask",
    same=lambda value: value,
    can_empty=True,
    create_only=False,
    path="f",
    group=None,
    refers=None,
):
    """Return the rule of one field that is fed by the path and read back from the same path."""
    return FieldRule(
        name="f",
        target=TargetField("f", kind, (path,), same, can_empty=can_empty),
        merge=merge,
        create_only=create_only,
        required=False,
        group=group,
        paths=frozenset({path}),
        main_paths=frozenset({path}),
        present=(SourceField(path, (path,), kind),),
        pipeline=Pipeline.__new__(Pipeline),
        line=1,
        refers=refers,
    )
