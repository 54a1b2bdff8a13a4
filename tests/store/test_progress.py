from datetime import UTC, datetime, timedelta, timezone

import pytest

from shopify_fw360.records import Entity, System
from tests.store.make import BACK, FORTH

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestWatermark:
    def test_there_is_none_before_the_first_run(self, store):
        with store.read() as tx:
            assert tx.watermark(FORTH) is None

    @pytest.mark.parametrize("second", [NOON - timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)])
    def test_it_moves_forward_only(self, store, second):
        with store.begin() as tx:
            tx.advance_watermark(FORTH, NOON)
            tx.advance_watermark(FORTH, second)
            assert tx.watermark(FORTH) == max(NOON, second)

    def test_each_flow_has_its_own(self, store):
        with store.begin() as tx:
            tx.advance_watermark(FORTH, NOON)
            assert tx.watermark(BACK) is None

    def test_zones_are_compared_as_moments(self, store):
        with store.begin() as tx:
            tx.advance_watermark(FORTH, NOON)
            tx.advance_watermark(FORTH, datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=1))))
            assert tx.watermark(FORTH) == NOON

    def test_a_time_without_zone_is_refused(self, store):
        with pytest.raises(Exception, match="aware times only"), store.begin() as tx:
            tx.advance_watermark(FORTH, datetime(2026, 3, 1))  # noqa: DTZ001


def test_fields_are_marked_per_system_and_entity(store):
    with store.begin() as tx:
        for _ in range(2):
            tx.mark_unwritable(System.FRAMEWORK360, Entity.CUSTOMER, "nome")
        tx.mark_unwritable(System.FRAMEWORK360, Entity.CUSTOMER, "tags")
        assert tx.unwritable(System.FRAMEWORK360, Entity.CUSTOMER) == {"nome", "tags"}
        assert tx.unwritable(System.SHOPIFY, Entity.CUSTOMER) == frozenset()
        assert tx.unwritable(System.FRAMEWORK360, Entity.PRODUCT) == frozenset()
        tx.clear_mark(System.FRAMEWORK360, Entity.CUSTOMER, "nome")
        assert tx.unwritable(System.FRAMEWORK360, Entity.CUSTOMER) == {"tags"}
