"""How Airflow reacts to the error taxonomy."""

from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from shopify_fw360.airflow.reactions import SyncRetryPolicy, reacting
from shopify_fw360.errors import CODES, QUIET, SHOPIFY_THROTTLED, SHOPIFY_TOKEN, Reaction, SyncError

pytestmark = pytest.mark.airflow

SELF_HEALING = [code for code in CODES.values() if code.reaction is Reaction.RETRY]
OTHERS = [code for code in CODES.values() if code.reaction is not Reaction.RETRY and code not in QUIET]


@pytest.mark.parametrize("code", SELF_HEALING, ids=lambda code: code.code)
def test_what_may_heal_is_tried_again(code):
    with pytest.raises(SyncError), reacting():
        raise SyncError(code, "later")


@pytest.mark.parametrize("code", OTHERS, ids=lambda code: code.code)
def test_what_does_not_heal_fails_at_once_and_says_the_next_step(code):
    with pytest.raises(AirflowFailException) as caught, reacting():
        raise SyncError(code, "now")
    assert code.fix in str(caught.value)


@pytest.mark.parametrize("code", sorted(QUIET, key=lambda code: code.code), ids=lambda code: code.code)
def test_what_a_person_chose_or_the_site_lacks_is_skipped_with_the_next_step(code):
    with pytest.raises(AirflowSkipException, match="Next step: ") as caught, reacting():
        raise SyncError(code, "off")
    assert code.fix in str(caught.value)


def test_the_wait_the_other_side_asked_for_is_honoured():
    decision = SyncRetryPolicy().evaluate(SyncError(SHOPIFY_THROTTLED, "busy", retry_after=90), 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))


@pytest.mark.parametrize("error", [SyncError(SHOPIFY_TOKEN, "no"), ValueError("unknown")])
def test_other_failures_follow_the_retries_of_the_task(error):
    assert SyncRetryPolicy().evaluate(error, 1, 3).action is RetryAction.DEFAULT
