import pytest

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.shopify.address import shop_address


def test_a_shop_is_reached_by_https():
    address = shop_address(" My-Shop.myshopify.com ")
    assert (address.shop, address.base_url) == ("my-shop.myshopify.com", "https://my-shop.myshopify.com")


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("http://127.0.0.1:8361/", "http://127.0.0.1:8361"),
        ("http://localhost:80", "http://localhost:80"),
        ("http://[::1]:8361", "http://[::1]:8361"),
    ],
)
def test_a_sandbox_on_this_machine_is_reached_by_its_base_url(host, base_url):
    assert shop_address(host).base_url == base_url


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "my-shop.com",
        "-shop.myshopify.com",
        "my_shop.myshopify.com",
        "evil.com/.myshopify.com",
        "my-shop.myshopify.com.evil.com",
        "my-shop.myshopify.com\nevil.com",
        "a.b.myshopify.com",
        "https://my-shop.myshopify.com",
        "http://192.168.1.10:8361",
        "http://127.0.0.1.evil.com",
        "http://user:word@127.0.0.1:8361",
        "http://127.0.0.1:8361/admin",
        "http://127.0.0.1:port",
        "ftp://127.0.0.1",
    ],
)
def test_no_secret_goes_anywhere_else(host):
    with pytest.raises(SyncError) as caught:
        shop_address(host)
    assert caught.value.code is CONNECTION_INVALID
