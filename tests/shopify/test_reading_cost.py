"""The one cost model: few records by id, many by pages, very many by a bulk operation."""

from shopify_fw360.records import Entity
from shopify_fw360.shopify.reading_cost import BY_ID, SCANS, Job, Way, cheapest, price
from shopify_fw360.shopify.selection import compile_selection

PLAIN = compile_selection(Entity.CUSTOMER, {"firstName", "defaultAddress.city", "defaultEmailAddress.emailAddress"})
# As the shipped mapping reads them: a page of 33 takes 476 points.
NESTED = compile_selection(
    Entity.PRODUCT,
    {"title", "variants[].quantity", "variants[].weightKg", "variants[].imageId", "media[].MediaImage.alt"},
)
STANDARD = 100.0


def test_one_record_takes_one_request():
    assert cheapest(Job(PLAIN, 1), (*BY_ID, *SCANS), STANDARD) is Way.SINGLE
    assert price(Way.SINGLE, Job(PLAIN, 1), STANDARD).requests == 1


def test_a_few_records_are_asked_for_together():
    assert cheapest(Job(NESTED, 10, of=5_000), (*BY_ID, *SCANS), STANDARD) is Way.NODES


def test_most_records_of_a_shop_are_read_by_pages_rather_than_one_by_one():
    assert cheapest(Job(NESTED, 60, of=66), (*BY_ID, Way.PAGES), STANDARD) is Way.PAGES


def test_a_whole_shop_is_read_by_a_bulk_operation_once_it_is_large():
    assert cheapest(Job(NESTED, 50), SCANS, STANDARD) is Way.PAGES
    assert cheapest(Job(NESTED, 2_000), SCANS, STANDARD) is Way.BULK


def test_flat_records_are_so_cheap_that_pages_stay_the_better_way():
    assert cheapest(Job(PLAIN, 5_000), SCANS, STANDARD) is Way.PAGES


def test_a_larger_plan_reads_more_by_pages():
    assert cheapest(Job(NESTED, 300), SCANS, STANDARD) is Way.BULK
    assert cheapest(Job(NESTED, 300), SCANS, 20 * STANDARD) is Way.PAGES


def test_records_that_must_be_read_again_speak_against_a_bulk_operation():
    assert price(Way.BULK, Job(NESTED, 2_000, again=500), STANDARD).points > 10 * (
        price(Way.BULK, Job(NESTED, 2_000), STANDARD).points
    )
    assert cheapest(Job(NESTED, 2_000, again=2_000), SCANS, STANDARD) is Way.PAGES
