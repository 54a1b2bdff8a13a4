"""Check a mapping against both systems' schemas and turn it into pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from shopify_fw360.errors import MAPPING_UNKNOWN_FIELD
from shopify_fw360.mapping.columns import Expression as Evaluated
from shopify_fw360.mapping.columns import Mode, Step
from shopify_fw360.mapping.kinds import CONVERTIBLE, POLICY_TYPES, Kind, kind_of_literal
from shopify_fw360.mapping.loader import MappingDocument
from shopify_fw360.mapping.lookups import ListPlace, Lookups, Skip, Work, unknown
from shopify_fw360.mapping.model import (
    Applied,
    Expression,
    FirstDefault,
    FirstOf,
    Join,
    Literals,
    MergePolicy,
    Rule,
    Value,
    key_text,
)
from shopify_fw360.mapping.pipeline import (
    AppliedExpression,
    Candidate,
    Finish,
    FirstExpression,
    JoinExpression,
    PathExpression,
    Pipeline,
    ValueExpression,
    map_step_function,
)
from shopify_fw360.mapping.problems import MappingError, Problem, short_name
from shopify_fw360.mapping.registry import FUNCTIONS, Call, Context, suggest
from shopify_fw360.mapping.rules import ChildMapping, CompiledMapping, FieldRule
from shopify_fw360.mapping.values import Invalid, to_flag
from shopify_fw360.records import UNSET, Entity, FieldType, Schema, SourceField, TargetField
from shopify_fw360.settings import SyncSettings

_LIMITS: Final = (
    ("pattern", (FieldType.TEXT,), "text"),
    ("min_length", (FieldType.TEXT,), "text"),
    ("min", (FieldType.INTEGER, FieldType.DECIMAL), "numbers"),
    ("max_items", (FieldType.TAGS, FieldType.JSON), "lists"),
)
"""Rules on values, with the types of field they work on."""

__all__ = ["CompiledMapping", "FieldRule", "check_mapping", "compile_mapping"]

LANGUAGE: Final = 1
"""Part of every digest: raise it when a function changes its result, so that all records are looked at again."""


def compile_mapping(
    document: MappingDocument,
    source: Schema,
    target: Schema,
    granted_scopes: Collection[str] | None = None,
    settings: SyncSettings | None = None,
    policies: Mapping[str, MergePolicy] | None = None,
) -> CompiledMapping:
    """Check a mapping against both systems and compile it.

    Args:
        document: the file.
        source: schema of the system that is read.
        target: schema of the system that is written.
        granted_scopes: access scopes the shop has granted; None leaves them unchecked.
        settings: give the domain of placeholder addresses; None is all defaults.
        policies: by group the policy that replaces that of the file.

    Returns:
        The compiled mapping; its warnings name deprecated fields.

    Raises:
        MappingError: every fault at once: SYNC-101, SYNC-102 with suggestions, SYNC-104.
    """
    compiled, problems = check_mapping(document, source, target, granted_scopes, settings, policies)
    if problems:
        raise MappingError(problems)
    return compiled


def check_mapping(
    document: MappingDocument,
    source: Schema,
    target: Schema,
    granted_scopes: Collection[str] | None = None,
    settings: SyncSettings | None = None,
    policies: Mapping[str, MergePolicy] | None = None,
) -> tuple[CompiledMapping, list[Problem]]:
    """Compile as much of a mapping as is sound; arguments as in compile_mapping.

    Returns:
        The mapping without its faulty fields, and every fault.
    """
    context = Context((settings or SyncSettings()).customers.placeholder_email_domain)
    lookups = Lookups(document, source, target, granted_scopes)
    return _Compiler(document, lookups, context, policies or {}).run(), lookups.problems


class _Compiler:
    def __init__(
        self, document: MappingDocument, lookups: Lookups, context: Context, policies: Mapping[str, MergePolicy]
    ) -> None:
        self._document = document
        self._lookups = lookups
        self._context = context
        self._policies = policies
        self._needs_context = False
        self._beside: Mapping[str, Rule] = {}
        """Rules that stand beside the one that is compiled."""

    def run(self) -> CompiledMapping:
        model = self._document.model
        fields = self._rules(model.fields, ("fields",))
        children = self._children()
        on_delete = self._on_delete(fields)
        compiled = CompiledMapping(
            flow=self._document.flow,
            fields=fields,
            match=tuple(model.match),
            names=tuple((part,) if isinstance(part, str) else tuple(part) for part in model.display_name),
            digest=self._digest(fields, children),
            sources=tuple(self._lookups.sources.values()),
            read_paths=frozenset(self._lookups.read_paths),
            warnings=tuple(self._lookups.warnings),
            file=self._document.file,
            children=children,
            on_delete=on_delete,
        )
        self._check_match(compiled)
        return compiled

    def _rules(
        self,
        rules: Mapping[str, Rule],
        place: tuple[str, ...],
        source: ListPlace | None = None,
        target: ListPlace | None = None,
    ) -> dict[str, FieldRule]:
        """Compile rules that stand beside each other, of the record or of the items of a list."""
        self._beside = rules
        fields: dict[str, FieldRule] = {}
        for name, rule in rules.items():
            here = (*place, name)
            work = Work(
                name if target is None else f"{target.name}.{name}",
                here,
                self._document.line(*here),
                name if target is None else target.absolute(name),
                source,
            )
            compiled = self._rule(work, name, rule, target)
            if compiled is not None:
                fields[name] = compiled
        return fields

    # -- children ------------------------------------------------------------------------------------------------------

    def _children(self) -> dict[str, ChildMapping]:
        model = self._document.model
        result: dict[str, ChildMapping] = {}
        for name, child in model.children.items():
            place = ("children", name)
            target = self._lookups.find_list(model.target, name, place)
            source = self._lookups.find_list(model.source, child.from_, (*place, "from"))
            if source is None or target is None:
                continue
            fields = self._rules(child.fields, (*place, "fields"), source, target)
            result[name] = ChildMapping(
                name=name,
                source_list=child.from_,
                kind=child.kind,
                match=tuple(entry for entry in child.match if entry in fields),
                fields=fields,
                source_accessor=source.accessor,
                target_accessor=target.accessor,
                order=child.order,
                min_items=child.min_items or 0,
                max_items=child.max_items,
            )
        return result

    def _on_delete(self, fields: Mapping[str, FieldRule]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, value in self._document.model.on_delete.items():
            rule = fields.get(name)
            if rule is None:
                continue
            try:
                result[name] = rule.pipeline.finish.check(value)
            except Invalid as fault:
                shown = json.dumps(value, default=str)
                self._lookups.report_at(
                    ("on_delete", name), name, f"{shown} breaks the rule {fault.rule}: {fault.message}"
                )
        return result

    # -- one rule ------------------------------------------------------------------------------------------------------

    def _rule(self, work: Work, name: str, rule: Rule, within: ListPlace | None) -> FieldRule | None:
        target = self._lookups.find_target(work, rule)
        present = self._lookups.find_present(work, target, within)
        try:
            expression, kind = self._expression(work, rule.from_, "from", main=True)
            apply_steps, kind = self._calls(work, rule.apply, kind, "apply", main=True)
            steps = [*apply_steps, *self._omit(work, rule, kind)]
            finish = Finish(
                FieldType.JSON if target is None else target.type,
                _smallest(rule.max_length, None if target is None else target.max_length),
                None if rule.pattern is None else re.compile(rule.pattern),
                rule.max_items,
                rule.min_length,
                rule.min,
            )
            if target is not None:
                kind = self._map(work, rule, kind, steps, finish)
                self._check_kind(work, kind, target.type)
            defaults = self._defaults(work, rule, apply_steps, finish if target is not None else None)
        except Skip:
            return None
        if target is None:
            return None
        self._check_policy(work, rule, target)
        return FieldRule(
            name=name,
            target=target,
            merge=self._policy(rule),
            create_only=rule.on == "create",
            required=rule.required,
            group=rule.group,
            paths=frozenset(work.paths),
            main_paths=frozenset(work.main_paths),
            present=present,
            pipeline=Pipeline(
                expression, tuple(steps), finish, defaults, required=rule.required, park=rule.on_invalid == "park"
            ),
            line=work.line,
            refers=rule.refers,
            omits=bool(rule.omit),
        )

    def _policy(self, rule: Rule) -> MergePolicy:
        own = rule.merge or self._document.model.merge
        return own if rule.group is None else self._policies.get(rule.group, own)

    def _check_policy(self, work: Work, rule: Rule, target: TargetField) -> None:
        policy = self._policy(rule)
        allowed = POLICY_TYPES.get(policy)
        if allowed is not None and target.type not in allowed and rule.on != "create":
            kinds = " or ".join(sorted(allowed))
            self._lookups.report(work, "merge", f"{policy} works on {kinds}, and this field is {target.type.value}")
        for limit, types, words in _LIMITS:
            if getattr(rule, limit) is not None and target.type not in types:
                self._lookups.report(work, limit, f"works on {words}, and this field is {target.type.value}")
        if rule.refers is not None:
            self._check_reference(work, rule.refers)

    def _check_reference(self, work: Work, refers: str) -> None:
        """A field of an item refers to an item of a list, one of the record to a record of another entity."""
        own = self._document.model.entity
        lists = {child.from_ for child in self._document.model.children.values()}
        known = lists if work.within is not None else {entity.value for entity in Entity if entity is not own}
        if refers not in known:
            names = ", ".join(sorted(known)) or "nothing here"
            self._lookups.report(work, "refers", f"'{refers}': a reference is to one of: {names}")

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _expression(
        self, work: Work, expression: Expression, rule: str, *, main: bool = False
    ) -> tuple[Evaluated, Kind]:
        if isinstance(expression, str):
            found = self._lookups.path(work, expression, rule, main=main)
            return PathExpression(found), None if found.type is FieldType.JSON else found.type
        if isinstance(expression, Value):
            value = tuple(expression.value) if isinstance(expression.value, list) else expression.value
            return ValueExpression(value), kind_of_literal(expression.value)
        if isinstance(expression, Applied):
            part, kind = self._expression(work, expression.from_, rule, main=main)
            steps, kind = self._calls(work, expression.apply, kind, rule, main=main)
            return AppliedExpression(part, tuple(steps)), kind
        parts = expression.first_of if isinstance(expression, FirstOf) else expression.join
        evaluated = self._all_parts(work, parts, rule, main=main)
        kinds = {kind for _part, kind in evaluated}
        listed = FieldType.TAGS in kinds
        if listed and (isinstance(expression, Join) or len(kinds - {None}) > 1):
            self._lookups.report(work, rule, 'a list stands beside texts; make one text of it with {join: ", "}')
            raise Skip
        columns = tuple(part for part, _kind in evaluated)
        if isinstance(expression, Join):
            return JoinExpression(columns, expression.with_), FieldType.TEXT
        return FirstExpression(columns), kinds.pop() if len(kinds) == 1 else None

    def _all_parts(
        self, work: Work, parts: Sequence[Expression], rule: str, *, main: bool
    ) -> list[tuple[Evaluated, Kind]]:
        """Look at every part before giving up, so that all unknown paths are named at once."""
        evaluated = []
        for part in parts:
            try:
                evaluated.append(self._expression(work, part, rule, main=main))
            except Skip:
                continue
        if len(evaluated) < len(parts):
            raise Skip
        return evaluated

    def _calls(
        self, work: Work, calls: Iterable[Call], kind: Kind, rule: str, *, main: bool = False
    ) -> tuple[list[Step], Kind]:
        steps: list[Step] = []
        failed = False
        for call in calls:
            try:
                step, kind = self._call(work, call, kind, rule, main=main)
                steps.append(step)
            except Skip:
                failed = True
        if failed:
            raise Skip
        return steps, kind

    def _call(self, work: Work, call: Call, kind: Kind, rule: str, *, main: bool) -> tuple[Step, Kind]:
        function = call.function
        self._needs_context |= function.needs_context
        more = tuple(
            _further(self._lookups.path(work, path, rule, main=main and path in call.carried)) for path in call.paths
        )
        mode = Mode.ANY
        result = kind if function.gives is None else function.gives
        if function.takes is FieldType.TEXT and kind is FieldType.TAGS:
            mode, result = Mode.EACH, FieldType.TAGS
            if more or function.gives is not FieldType.TEXT:
                self._lookups.report(work, rule, f"{function.name} works on one text, and the value is a list here")
                raise Skip
        elif function.takes is FieldType.TEXT:
            mode = Mode.TEXT
        elif function.takes is FieldType.TAGS:
            mode = Mode.LIST
            if kind not in (FieldType.TAGS, None):
                self._lookups.report(
                    work, rule, f'{function.name} works on a list; make one of the text with {{split: ","}} before it'
                )
                raise Skip
        elif kind is FieldType.TAGS:
            self._lookups.report(work, rule, f"{function.name} works on one value, and the value is a list here")
            raise Skip
        run = function.build(call.args, self._context)
        return Step(run, mode, more, total=function.total, gives=function.gives), result

    # -- omit, map, default --------------------------------------------------------------------------------------------

    def _omit(self, work: Work, rule: Rule, kind: Kind) -> list[Step]:
        texts: set[str] = set()
        columns: list[Evaluated] = []
        for entry in rule.omit:
            standing = self._standing(work, entry, "omit")
            if standing is None:
                texts.add(entry.strip().casefold())
            else:
                columns.append(standing)
        if not rule.omit:
            return []
        if kind not in (FieldType.TEXT, FieldType.TAGS, None) or (columns and kind is FieldType.TAGS):
            self._lookups.report(work, "omit", "works on text")
            raise Skip

        def omit(value: str, *others: str | None) -> Any:
            if value.strip().casefold() in texts or (
                others and _bare(value) in {_bare(other or "") for other in others}
            ):
                return UNSET
            return value

        return [Step(omit, Mode.EACH if kind is FieldType.TAGS else Mode.TEXT, tuple(columns))]

    def _standing(self, work: Work, name: str, rule: str) -> Evaluated | None:
        """Return what a bare function name stands for in `default` and `omit`; None if the name is no such function."""
        function = FUNCTIONS.get(name)
        if function is None or function.standing_for is None:
            return None
        of, _, where = function.standing_for.partition(":")
        calls = [Call(function)]
        expression: Expression = where
        if of == "field":
            other = self._beside.get(where)
            if other is None:
                self._lookups.report(
                    work, rule, f"{name} needs a field '{where}' beside it; write out {{from: …, apply: […]}}"
                )
                raise Skip
            expression = other.from_
            calls = [*other.apply, *calls]
        part, kind = self._expression(work, expression, rule)
        steps, _kind = self._calls(work, calls, kind, rule)
        return AppliedExpression(part, tuple(steps))

    def _map(self, work: Work, rule: Rule, kind: Kind, steps: list[Step], finish: Finish) -> Kind:
        if rule.map is None:
            return kind
        table: dict[str, Any] = {}
        for key, value in rule.map.items():
            table[key] = self._literal(work, value, finish, f"map {key}")
        default = UNSET if rule.map_default is None else self._literal(work, rule.map_default, finish, "map_default")
        mode = Mode.EACH if kind is FieldType.TAGS else Mode.ANY
        where = f"{short_name(self._document.file)}:{self._lookups.line(work, 'map')}"
        steps.append(Step(map_step_function(table, default, key_text, where), mode))
        return FieldType.TAGS if kind is FieldType.TAGS else finish.type

    def _defaults(
        self, work: Work, rule: Rule, apply_steps: Sequence[Step], finish: Finish | None
    ) -> tuple[Candidate, ...]:
        if rule.default is None:
            return ()
        entries: Sequence[Expression]
        entries = rule.default.first_of if isinstance(rule.default, FirstDefault) else [Value(value=rule.default)]
        candidates = []
        for entry in entries:
            if isinstance(entry, Value):
                candidates.append(self._fixed_default(work, entry.value, finish))
                continue
            expression, kind = self._default_part(work, entry)
            if expression is None:
                candidates.append(self._fixed_default(work, str(entry), finish))
                continue
            if finish is not None and rule.map is None and not rule.apply:
                self._check_kind(work, kind, finish.type)
            candidates.append(Candidate(expression, tuple(apply_steps)))
        return tuple(candidates)

    def _fixed_default(self, work: Work, value: Literals, finish: Finish | None) -> Candidate:
        return Candidate(ValueExpression(value if finish is None else self._literal(work, value, finish, "default")))

    def _default_part(self, work: Work, entry: Expression) -> tuple[Evaluated | None, Kind]:
        """Return the expression of a default, None if it is a fixed text."""
        if not isinstance(entry, str):
            return self._expression(work, entry, "default")
        standing = self._standing(work, entry, "default")
        if standing is not None:
            return standing, FieldType.TEXT
        missing = self._lookups.knows(work, entry)
        if missing is not None:
            if not re.fullmatch(r"[a-z$][\w$.]*", entry):
                return None, None
            near = suggest(entry, _standing_names())
            message = f"{unknown(missing)}{near}; write {{value: {entry}}} for the text itself"
            self._lookups.report(work, "default", message, code=MAPPING_UNKNOWN_FIELD)
            raise Skip
        return self._expression(work, entry, "default")

    def _literal(self, work: Work, value: Any, finish: Finish, rule: str) -> Any:
        try:
            return finish.check(value)
        except Invalid as fault:
            self._lookups.report(
                work, rule, f"{json.dumps(value, default=str)} breaks the rule {fault.rule}: {fault.message}"
            )
            raise Skip from fault

    # -- checks and messages -------------------------------------------------------------------------------------------

    def _check_kind(self, work: Work, kind: Kind, wanted: FieldType) -> None:
        if kind is None or wanted in CONVERTIBLE[kind]:
            return
        hints = {
            (FieldType.TEXT, FieldType.TAGS): '; make a list of it with {split: ","}',
            (FieldType.TAGS, FieldType.TEXT): '; make one text of it with {join: ", "}',
        }
        hint = hints.get((kind, wanted), "; translate it with map")
        self._lookups.report(work, "type", f"{kind.value} cannot become {wanted.value}{hint}")
        raise Skip

    def _check_match(self, mapping: CompiledMapping) -> None:
        for position, name in enumerate(mapping.match):
            rule = mapping.rule_of(name)
            if rule is not None and rule.target.type is not FieldType.TEXT:
                self._lookups.report_at(("match", position), name, "a natural key is a text field")

    def _digest(self, fields: Mapping[str, FieldRule], children: Mapping[str, ChildMapping]) -> str:
        model = self._document.model
        lists = {
            name: {
                **model.children[name].model_dump(
                    mode="json", by_alias=True, exclude_defaults=True, exclude={"fields"}
                ),
                "fields": _meaning(model.children[name].fields, child.fields),
            }
            for name, child in children.items()
        }
        domain = self._context.placeholder_domain if self._needs_context else None
        meaning = [LANGUAGE, self._document.flow.name, list(model.match), domain, _meaning(model.fields, fields)]
        if lists:
            meaning.append(lists)
        return blake2b(json.dumps(meaning, sort_keys=True).encode(), digest_size=8).hexdigest()


def _meaning(written: Mapping[str, Rule], compiled: Mapping[str, FieldRule]) -> dict[str, Any]:
    return {
        name: {
            **written[name].model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "merge": rule.merge,
            "field": [rule.target.type.value, rule.target.metafield_type],
        }
        for name, rule in compiled.items()
    }


def _further(found: SourceField) -> Evaluated:
    """Return a further value of a function; flags come in many forms and are brought to one."""
    path = PathExpression(found)
    return AppliedExpression(path, (Step(to_flag, Mode.ANY),)) if found.type is FieldType.FLAG else path


def _standing_names() -> list[str]:
    return [name for name, function in FUNCTIONS.items() if function.standing_for is not None]


def _smallest(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _bare(value: str) -> str:
    return "".join(character for character in value if character.isalnum())
