import time

import pytest
import requests

from sandbox.common.pictures import png


def urls(product):
    return [image["url"] for image in product["immagini"]]


def image_ids(product):
    return [image["id"] for image in product["immagini"]]


def test_images_of_the_seed_are_served_over_http(site):
    product = next(row for row in site.get("/products/list", limit=100)["data"] if row["immagini"])
    answer = requests.get(urls(product)[0], timeout=5)
    assert urls(product)[0].startswith(site.url)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert requests.get(urls(product)[0], timeout=5).content == answer.content


@pytest.mark.parametrize("path", ["/media/1/a.png", "/media/9001/other-name.png", "/media/x/a.png", "/media/"])
def test_an_unknown_file_is_an_html_404(site, path):
    assert requests.get(site.url + path, timeout=5).status_code == 404


def test_an_image_is_fetched_and_served_again(site, files):
    product = site.added(
        immagini=[{"url": f"{files.url}/good.png", "alt": "Davanti"}, {"url": f"{files.url}/other.png"}]
    )
    files.answers.clear()
    assert [requests.get(url, timeout=5).content for url in urls(product)] == [png("good"), png("other")]
    assert [(image["alt"], image["posizione"]) for image in product["immagini"]] == [("Davanti", 1), ("", 2)]


@pytest.mark.parametrize("path", ["/missing.png", "/page.png", "/moved.png"])
def test_a_url_without_an_image_is_refused(site, files, path):
    before = site.control.state()["records"]
    rows = [{"url": f"{files.url}/good.png"}, {"url": files.url + path}]
    answer = site.post("/products/create", {"nome": "Maglia", "immagini": rows})
    assert answer["error"] == "invalid_field"
    assert path in answer["message"]
    assert site.control.state()["records"] == before


@pytest.mark.parametrize("url", ["http://example.com/a.png", "https://10.0.0.1/a.png", "ftp://127.0.0.1/a.png"])
def test_the_sandbox_never_fetches_from_another_machine(site, url):
    answer = site.post("/products/create", {"nome": "Maglia", "immagini": [{"url": url}]})
    assert answer["error"] == "invalid_field"


def test_a_server_that_does_not_answer_in_time_is_refused(site, files):
    site.control.set_options(image_seconds=0.1)
    answer = site.post("/products/create", {"nome": "Maglia", "immagini": [{"url": f"{files.url}/slow.png"}]})
    assert answer["error"] == "invalid_field"


def test_other_requests_go_on_while_an_image_is_fetched(site, files):
    import threading

    done = []
    body = {"nome": "Maglia", "immagini": [{"url": f"{files.url}/slow.png"}]}
    writer = threading.Thread(target=lambda: done.append(site.post("/products/create", body)))
    writer.start()
    time.sleep(0.1)
    requests.get(f"{site.url}/m/api/check", headers={"X-Fw360-Key": "sandbox-key"}, timeout=5).raise_for_status()
    assert not done
    writer.join()
    assert done[0]["status"] == 1


def test_a_known_image_is_kept_by_its_id(site, files):
    product = site.added(immagini=[{"url": f"{files.url}/good.png", "alt": "a"}])
    files.answers.clear()
    after = site.changed(product, immagini=[{"id": image_ids(product)[0], "url": f"{files.url}/good.png"}])
    assert after["immagini"] == product["immagini"]


def test_the_same_url_without_an_id_is_a_new_image(site, files):
    product = site.added(immagini=[{"url": f"{files.url}/good.png"}])
    after = site.changed(product, immagini=[{"url": f"{files.url}/good.png"}])
    assert image_ids(after) != image_ids(product)


def test_images_replace_their_set_in_the_order_of_their_positions(site, files):
    product = site.added(immagini=[{"url": f"{files.url}/good.png"}, {"url": f"{files.url}/other.png"}])
    first, second = image_ids(product)
    after = site.changed(product, immagini=[{"id": first, "posizione": 2}, {"id": second, "posizione": 1}])
    assert image_ids(after) == [second, first]
    assert image_ids(site.changed(product, immagini=[{"id": first}])) == [first]
    assert image_ids(site.changed(product, immagini=[])) == []


def test_a_variant_shows_one_of_the_products_images(site, files):
    rows = [
        {"attributi": {"Taglia": "S"}, "immagine_url": f"{files.url}/other.png"},
        {"attributi": {"Taglia": "M"}},
    ]
    product = site.added(
        attributi=[{"nome": "Taglia", "valori": ["S", "M"]}],
        varianti=rows,
        immagini=[{"url": f"{files.url}/good.png"}, {"url": f"{files.url}/other.png"}],
    )
    good, other = (int(found) for found in image_ids(product))
    assert [entry["immagine_id"] for entry in product["varianti"]] == [other, None]
    rows = [{"attributi": {"Taglia": "S"}, "immagine_id": None}, {"attributi": {"Taglia": "M"}, "immagine_id": good}]
    after = site.changed(product, varianti=rows)
    assert [entry["immagine_id"] for entry in after["varianti"]] == [None, good]
    rows = [{"attributi": {"Taglia": "S"}, "immagine_url": urls(product)[1]}, {"attributi": {"Taglia": "M"}}]
    after = site.changed(product, varianti=rows)
    assert [entry["immagine_id"] for entry in after["varianti"]] == [other, good]
    after = site.changed(product, immagini=[{"id": good}])
    assert [entry["immagine_id"] for entry in after["varianti"]] == [None, good]


def test_a_variant_cannot_show_another_image(site, files):
    answer = site.post(
        "/products/create",
        {
            "nome": "Maglia",
            "attributi": [{"nome": "Taglia", "valori": ["S"]}],
            "varianti": [{"attributi": {"Taglia": "S"}, "immagine_url": f"{files.url}/other.png"}],
            "immagini": [{"url": f"{files.url}/good.png"}],
        },
    )
    assert answer["error"] == "invalid_field"


def test_media_are_added_by_url(site, files):
    media = site.post("/media/add", {"url": f"{files.url}/good.png", "directory": "shopify", "name": "davanti.png"})[
        "data"
    ]
    assert (media["name"], media["directory"], media["mime"]) == ("davanti.png", "shopify", "image/png")
    assert media["size"] == len(png("good"))
    assert requests.get(media["url"], timeout=5).content == png("good")


def test_media_are_added_by_upload(site):
    files = {"file": ("foto è.png", png("upload"), "image/png")}
    answer = site.call("POST", "/media/add", "sandbox-key", files=files, data={"directory": "foto"})
    media = answer["data"]
    assert media["directory"] == "foto"
    assert requests.get(media["url"], timeout=5).content == png("upload")
    assert site.added(immagini=[{"id": media["id"]}])["immagini"][0]["url"] == media["url"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"files": {"file": ("a.txt", b"text")}}, "invalid_field"),
        ({"files": {"picture": ("a.png", png("a"))}}, "missing_parameter"),
        ({"files": {"file": ("a.png", png("a"))}, "data": {"folder": "x"}}, "invalid_field"),
        ({"files": {"file": (None, "a text")}}, "invalid_field"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "invalid_field"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, "invalid_field"),
        ({"json": {"url": "http://127.0.0.1:1/a.png"}}, "invalid_field"),
        ({"json": {}}, "missing_parameter"),
    ],
)
def test_what_is_no_image_is_not_added(site, arguments, code):
    before = site.control.state()["records"]["media"]
    assert site.call("POST", "/media/add", "sandbox-key", **arguments)["error"] == code
    assert site.control.state()["records"]["media"] == before


def test_media_are_listed_in_pages_and_filtered(site, files):
    media = site.post("/media/add", {"url": f"{files.url}/good.png", "directory": "shopify", "name": "davanti.png"})[
        "data"
    ]
    assert site.get("/media/list", directory="shopify")["data"] == [media]
    assert site.get("/media/list", query="DAVANTI")["data"] == [media]
    rows = site.get("/media/list", limit=5, page=2, **{"global": "1"})["data"]
    assert len(rows) == 5
    assert media not in rows
