"""docs/runbook.md cannot be out of date."""

import re

import pytest
import yaml

from scripts.runbook import REACTIONS, ROOMS, RUNBOOK, with_sections
from shopify_fw360.airflow.metrics import METRICS
from shopify_fw360.errors import CODES, Reaction

TEXT = RUNBOOK.read_text(encoding="utf-8")
ALERTS = yaml.safe_load(re.search(r"```yaml\n(groups:.*?)```", TEXT, flags=re.DOTALL).group(1))


def test_the_committed_page_is_what_the_code_says():
    assert with_sections(TEXT) == TEXT, "run: python -m scripts.runbook"


def test_every_code_has_a_row_that_can_be_linked_to():
    for code in CODES.values():
        assert TEXT.count(f'<a id="{code.code.lower()}"></a>{code.code} |') == 1
        assert code.code.removeprefix("SYNC-")[0] in ROOMS


def test_every_reaction_is_explained():
    assert set(REACTIONS) == set(Reaction)


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="marks of the section codes"):
        with_sections("nothing")


@pytest.mark.parametrize("rule", ALERTS["groups"][0]["rules"], ids=lambda rule: rule["alert"])
def test_the_alert_examples_name_metrics_that_exist(rule):
    known = {
        f"airflow_{metric.name.replace('.', '_')}{'_total' if metric.kind == 'counter' else ''}": set(metric.tags)
        for metric in METRICS.values()
    }
    names = re.findall(r"airflow_\w+", rule["expr"])
    assert names
    for name in names:
        assert name in known
        for tags in re.findall(r"by \(([^)]*)\)", rule["expr"]):
            assert set(tags.split(", ")) <= known[name]
