"""What the synchroniser says about records, and the names of states, stand in the reader's language on every page."""

import ast
import re
from dataclasses import replace
from html.parser import HTMLParser
from inspect import getsource
from typing import get_args

import pytest

from shopify_fw360.errors import CODES, REQUIRED_MISSING, SyncError
from shopify_fw360.framework360.capabilities import Capabilities
from shopify_fw360.records import Entity, Link, Outcome
from shopify_fw360.store import JournalEntry, PlanEntry, StageCounts
from shopify_fw360.store.plans import PlanState
from shopify_fw360.sync import apply, children, merge, outbound, planner, undoing
from shopify_fw360.sync.plan import OUTCOMES, Action
from shopify_fw360.web import catalogues, words
from shopify_fw360.web.i18n import language
from shopify_fw360.web.sentences import SENTENCES, said, template_of
from tests.web.conftest import INTO_SHOP, INTO_SITE, RUN

pytestmark = pytest.mark.airflow

TOLD_BY = (
    *(merge.__dict__[name] for name in ("_decide", "_on_existing", "_as_chosen", "_three_way", "_settle")),
    merge.__dict__["_merge_sets"],
    children.__dict__["_ListMerge"],
    *(planner.__dict__["_Planning"].__dict__[name] for name in ("_admit", "_put_gone", "_fetch_linked", "_half_made")),
    planner.__dict__["_action"],
    outbound.exclusion,
    outbound.left_out,
    apply.__dict__["_without"],
    *(undoing.__dict__[name] for name in ("_judge", "_never", "_edited_in_source", "_judge_tags")),
    Capabilities.__dict__["_decide"],
)
"""Where reasons are written that people read."""


def sentences_in(source):
    """Yield the texts with a blank in a piece of source, values replaced by a word; no docstring, no log, no name."""
    tree = ast.parse(source)
    known = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith(("log.", "ValueError")):
            known.update(id(node) for node in ast.walk(call))
        if isinstance(call, ast.JoinedStr):
            known.update(id(part) for part in call.values)
    for node in ast.walk(tree):
        if id(node) in known:
            continue
        text = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
        if text is not None and " " in text.strip(", "):
            yield text


def dedented(thing):
    source = getsource(thing)
    return re.sub(rf"(?m)^{' ' * (len(source) - len(source.lstrip()))}", "", source)


@pytest.mark.parametrize("place", TOLD_BY, ids=lambda place: place.__name__)
def test_the_console_knows_every_reason_that_is_written_there(place):
    found = list(sentences_in(dedented(place)))
    assert [text for text in found if template_of(text) is None] == []


def test_reasons_are_found_where_they_are_written():
    assert "first meeting: the target is empty" in list(sentences_in(dedented(TOLD_BY[3])))
    assert "7; policy: 7 wins" in list(sentences_in(dedented(TOLD_BY[4])))


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("both sides changed it; policy: shopify wins", "beide Seiten haben es geändert; Regel: Shopify gewinnt"),
        (
            "not undone: both sides changed it; a person must settle it",
            "nicht zurückgenommen: beide Seiten haben es geändert; ein Mensch muss entscheiden",
        ),
        ("deleted in framework360", "in Framework360 gelöscht"),
        (
            f"{INTO_SITE.name} is off in sync_settings",
            "Kunden: Shopify → Framework360 ist in den Einstellungen ausgeschaltet",
        ),
        ("something that nobody knows", "something that nobody knows"),
        ("", ""),
    ],
)
def test_a_sentence_is_told_with_what_it_names(text, german):
    assert said(language("de"), text) == german


def test_an_error_is_told_with_title_and_next_step():
    error = SyncError(REQUIRED_MISSING, "there is no value", record="customer shopify:1", field="email")
    told = said(language("it"), str(error))
    assert told.startswith("SYNC-201 manca un valore obbligatorio: manca il valore [record customer shopify:1; campo")
    assert told.endswith(f"Prossimo passo: {language('it').text(REQUIRED_MISSING.fix)}")


def test_every_sentence_is_itself_in_english():
    for template in SENTENCES:
        text = re.sub(r"%\(\w+\)s", "7", template)
        assert said(language("en"), text) == text


NAMES = {
    *(action.value for action in Action),
    *(outcome.value for outcome in Outcome),
    *get_args(PlanState),
    *words.LEDGER,
    *words.KINDS,
}


@pytest.mark.parametrize("tag", catalogues.TAGS)
def test_every_name_of_an_action_an_outcome_or_a_state_has_a_word(tag):
    assert [name for name in NAMES if said(language(tag), name) == name] == []


class _Visible(HTMLParser):
    """Collects what a page shows, and leaves out scripts and names that are the same everywhere."""

    def __init__(self):
        super().__init__()
        self.texts, self._closed = [], []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style", "code", "title"):
            self._closed.append(tag)

    def handle_endtag(self, tag):
        if self._closed and self._closed[-1] == tag:
            self._closed.pop()

    def handle_data(self, data):
        if not self._closed and data.strip():
            self.texts.append(" ".join(data.split()))


def shown(html):
    found = _Visible()
    found.feed(html)
    return found.texts


@pytest.fixture
def everything(store, past):
    """A run and a plan with each action and outcome, a record with a story, one that failed."""
    ledger = f"{INTO_SITE.name}/{RUN}"
    past.run(staged=3)
    past.update()
    past.park(text="there is no value", code=REQUIRED_MISSING)
    plan = f"{INTO_SHOP.name}/{RUN}"
    with store.begin() as tx:
        tx.write_journal(
            [
                JournalEntry(ledger, INTO_SITE, str(number), outcome, message="both sides agree")
                for number, outcome in enumerate(Outcome, start=100)
            ]
        )
        link = tx.save_link(
            Link(
                Entity.CUSTOMER,
                "500",
                "77",
                "failed",
                display_name="Ada",
                base={INTO_SITE.name: {"nome": ["Eva"]}},
                error_code=REQUIRED_MISSING.code,
                error_message="there is no value",
            )
        )
        tx.write_journal(
            [
                JournalEntry(
                    ledger, INTO_SITE, "500", outcome, "77", link.id, reasons={"nome": "changed on the source only"}
                )
                for outcome in Outcome
            ]
        )
        tx.open_plan(plan, INTO_SHOP)
        item = PlanEntry("1", "update", "1 field(s) differ", before={"nome": "Ada"}, after={"nome": "Eva"})
        tx.write_plan(
            plan,
            [
                replace(item, source_id=action.value, action=action.value, reasons={"nome": "new record"})
                for action in Action
            ],
        )
        tx.open_run(plan, INTO_SHOP, "full", dry_run=True)
        tx.count_read(plan, read=len(Action), staged=StageCounts(staged=len(Action)))
        tx.close_run(plan, dict.fromkeys(OUTCOMES.values(), 1))
        tx.finish_plan(plan, {"writes": 1, "requests": 4, "points": 8, "seconds": 2})
    return (
        *("parked", "conflicts", "queue", "left-out", "errors", "health", "first-sync", "customers", "privacy"),
        f"runs/{INTO_SITE.name}/{RUN}",
        f"runs/{plan}",
        f"first-sync/{plan}",
        f"records/customer/{link.id}",
    )


@pytest.mark.parametrize("tag", catalogues.TAGS)
def test_no_page_shows_an_english_word_to_others(browser, everything, tag):
    client = browser()
    client.cookies.set("sync_language", tag)
    catalogue = catalogues.kept(tag)
    same = {message.id for message in catalogue if message.id == message.string}
    english = {message.id for message in catalogue if isinstance(message.id, str)} | set(words.CALLED.values())
    english |= {code.title for code in CODES.values()}
    foreign = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, sorted(NAMES - same)))})(?![\w-])")
    own = {message.string for message in catalogue if isinstance(message.string, str)}
    wrong = {}
    for path in everything:
        answer = client.get(f"/{path}")
        assert answer.status_code == 200, path
        for text in shown(answer.text):
            if (text in english - same and text not in own) or (foreign.fullmatch(text.strip(" 0123456789()·:"))):
                wrong.setdefault(path, []).append(text)
    assert wrong == {}
