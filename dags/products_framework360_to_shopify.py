"""
### Products: Framework360 to Shopify

Creates and updates in Shopify every product that was created or changed in the Framework360 catalogue: texts, brand,
type, tags, status, SEO, variants with SKU, barcode, prices, cost, weight and stock, images with their order.
Fields and rules: `include/mappings/product.framework360_to_shopify.yaml`.

**Runs** every 15 minutes, reads the whole catalogue and tells by content what has changed. A variant or an image that
exists only in Shopify survives: lists are always written whole.

**Tasks**

1. `stage` reads Framework360 and puts every changed product into the queue of the store.
2. `drain_batch` works the queue off: transform, find the counterpart, pair the variants, merge field by field, write.
   then stock, then publication.
3. `report` certifies the ledger. The run is green only if every product read is explained.

**Run by hand**: *Trigger* and choose what to read: since the last run, a window, everything, or a list of ids.
*Dry run* plans only; the tab **Sync** of the run shows what would be written, variant by variant.

**Backfill**: *Trigger → Backfill* reads exactly the chosen span. Framework360 tells the time of a change only where it
has one; products without are counted as undated, and mode *full* reaches them.

**If it fails**

- *`stage` or `drain_batch` is red*: the end of its log and the tab **Sync** name the cause and the next step.
- *`report` is red, SYNC-503*: products still wait or are unexplained; the message says how many. The next run works
  them off; then clear `report` to certify this run again.
- *products are parked*: they are not lost. **Browse → Sync errors** lists each with variant, field, rule and next step.
  Correct the cause, then press *Release*.
- *a task stays scheduled*: the pool `shopify_api` or `framework360_api` is missing or full, see Admin → Pools.
- *everything is skipped*: the flow is off in the Variable `sync_settings`, or the site offers no product calls;
  the log of `stage` says which.

A product deleted in Framework360 loses its link and those of its variants; Shopify is not touched. Clearing any task is
safe: records are leased, writes are repeatable.
"""

from shopify_fw360.airflow.dag import flow_dag
from shopify_fw360.records import Entity, Flow, System

dag = flow_dag(Flow(Entity.PRODUCT, System.FRAMEWORK360), __doc__)
