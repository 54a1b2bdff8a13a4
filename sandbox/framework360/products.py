"""Operations of the group "products"."""

from __future__ import annotations

from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.common.catalogue import slug
from sandbox.framework360.calls import Call, Context, page_of
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.fetching import fetch_all
from sandbox.framework360.goods import Category, Product, Variant
from sandbox.framework360.product_changes import Writing, changed_product
from sandbox.framework360.product_images import wanted_urls
from sandbox.framework360.product_records import category_record, product_record


def _list(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    goods = context.store.goods
    query = parameters.get("query", "").strip()
    ids = list(goods.matching(query)) if query else goods.ids
    if parameters.get("sku"):
        owner = goods.owner(parameters["sku"])
        ids = [found for found in ids if owner is not None and found == owner[0].id]
    if parameters.get("category"):
        wanted = parameters["category"].strip()
        ids = [found for found in ids if wanted in map(str, goods.products[found].categorie)]
    newest_first = context.options.sort == "newest_first"
    page = page_of(ids, parameters, context.options, descending=newest_first)
    return context.answers.success([_record(context, goods.products[found]) for found in page])


def _get(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    wanted, sku = parameters.get("id", "").strip(), parameters.get("sku", "").strip()
    if not wanted and not sku:
        raise RefusedError("missing_parameter", "id o sku")
    if wanted and sku:
        raise RefusedError("invalid_field", "o id o sku")
    owner = context.store.goods.owner(sku) if sku else None
    product = _find(context, wanted) if wanted else owner and owner[0]
    return context.answers.success(_record(context, product)) if product else context.answers.no_record()


async def _create(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    writing = await _writing(context, parameters)
    return _stored(context, changed_product(parameters, None, writing))


async def _update(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    writing = await _writing(context, parameters)
    return _stored(context, changed_product(parameters, _addressed(context, parameters["id"]), writing))


def _delete(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    product = _addressed(context, parameters["id"])
    context.store.remove_product(product)
    return context.answers.written(product.id)


def _update_stock(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    errors, updated = [], 0
    for index, row in enumerate(parameters["items"]):
        try:
            product, variant = _counted(context, row)
        except RefusedError as refused:
            errors.append({"index": index, "error": refused.code})
        else:
            context.store.set_stock(product, variant, row["quantita"], context.now())
            updated += 1
    return context.answers.success({"updated": updated, "errors": errors})


def _categories(context: Context, _: dict[str, Any]) -> ApiResponse:
    categories = context.store.goods.categories.values()
    return context.answers.success([category_record(entry, context.answers) for entry in categories])


def _create_category(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    categories = context.store.goods.categories
    name = parameters["nome"].strip()
    parent = int(parameters["parent_id"]) if "parent_id" in parameters else None
    if len(name) < 2:
        raise RefusedError("invalid_field", "nome troppo corto")
    if parent is not None and parent not in categories:
        raise RefusedError("invalid_field", f"parent_id {parent}")
    category = Category(context.store.next_id("category"), name, parent, slug(name))
    categories[category.id] = category
    return context.answers.success(category_record(category, context.answers))


async def _writing(context: Context, parameters: dict[str, Any]) -> Writing:
    """Fetch the images a write names, before anything is looked up that could change meanwhile."""
    stored = () if "immagini" in context.options.not_writable else wanted_urls(parameters)
    pictures = await fetch_all(stored, context.options.image_seconds)
    return Writing(context.store, context.options, context.lookups, pictures, context.base_url, context.now())


def _stored(context: Context, product: Product) -> ApiResponse:
    context.store.put_product(product)
    return context.answers.success(_record(context, product))


def _record(context: Context, product: Product) -> Any:
    return product_record(product, context.answers, context.lookups, context.store.library, context.base_url)


def _counted(context: Context, row: dict[str, Any]) -> tuple[Product, Variant | None]:
    """Return the product and variant a stock item names."""
    if "sku" in row:
        if "id" in row or "variante_id" in row:
            raise RefusedError("invalid_field")
        owner = context.store.goods.owner(row["sku"])
        if owner is None:
            raise RefusedError("not_found")
        return owner
    if "id" not in row:
        raise RefusedError("missing_parameter")
    product = _addressed(context, row["id"])
    if "variante_id" not in row:
        if product.varianti:
            raise RefusedError("missing_parameter")
        return product, None
    variant = product.variant(int(row["variante_id"]))
    if variant is None:
        raise RefusedError("not_found")
    return product, variant


def _addressed(context: Context, wanted: Any) -> Product:
    product = _find(context, wanted)
    if product is None:
        raise RefusedError("not_found")
    return product


def _find(context: Context, wanted: Any) -> Product | None:
    text = str(wanted)
    return context.store.goods.products.get(int(text)) if text.isdecimal() else None


CALLS = {
    "productsList": Call("read_product", _list),
    "productsGet": Call("read_product", _get),
    "productsCreate": Call("createproduct", _create, write=True),
    "productsUpdate": Call("updateproduct", _update, write=True),
    "productsDelete": Call("deleteproduct", _delete, write=True),
    "productsUpdateStock": Call("updatestock", _update_stock, write=True),
    "productsCategories": Call("read_category", _categories),
    "productsCategoriesCreate": Call("createcategory", _create_category, write=True),
}
