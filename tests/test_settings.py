"""Settings as people write them."""

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.settings import SyncSettings


def test_the_pair_is_found_even_where_another_setting_is_wrong():
    text = '{"pair_id": "second-shop", "limits": {"batch_size": -3}, "unknown": 1}'
    assert SyncSettings.pair_id_of(text) == "second-shop"


@pytest.mark.parametrize("text", [None, " ", "{}"])
def test_without_a_name_the_pair_is_the_default(text):
    assert SyncSettings.pair_id_of(text) == "default"


@pytest.mark.parametrize("text", ['{"pair_id": "Second Shop"}', "{not json", "[]"])
def test_a_name_that_cannot_be_read_is_refused(text):
    with pytest.raises(SyncError, match="SYNC-105"):
        SyncSettings.pair_id_of(text)
