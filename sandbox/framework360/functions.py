"""The functions an API key can be granted (A-FUNC, section 2.7 of the contract)."""

FUNCTIONS = (
    "read_site", "read_plugin", "read_customer", "read_source", "createcustomer", "updatecustomer", "deletecustomer",
    "createhistory", "read_tag", "read_list", "read_product", "read_category", "createproduct", "updateproduct",
    "deleteproduct", "updatestock", "createcategory", "read_order", "read_orderstatus", "read_label", "createorder",
    "updateorder", "updateorderstatus", "cancelorder", "preparecart", "read_shipping", "read_payment", "read_tax",
    "read_media", "createmedia", "read_search", "read_datatable", "createwebhook", "deletewebhook", "testwebhook",
)  # fmt: skip
