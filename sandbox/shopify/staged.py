"""Staged uploads: files a caller leaves for bulk mutations and product media."""

from __future__ import annotations

import email
from email.policy import HTTP

from sandbox.common.backend import ApiRequest, ApiResponse
from sandbox.shopify.shop import Shop

STAGED = "/staged/"


def take_upload(shop: Shop, request: ApiRequest) -> ApiResponse:
    """Store an upload: a PUT to the address of its key, or a multipart POST with the parameters and `file` last."""
    if request.method == "PUT":
        shop.uploads[request.path] = request.body
        return ApiResponse(b"", 200)
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=HTTP)
    if not message.is_multipart():
        return _refused("MalformedPOSTRequest")
    fields: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content
    if not fields or list(fields)[-1] != "file" or "key" not in fields:
        return _refused("InvalidArgument")
    key = fields["key"].decode()
    if STAGED + key not in shop.uploads:
        return _refused("AccessDenied")
    shop.uploads[STAGED + key] = fields["file"]
    return ApiResponse(f"<PostResponse><Key>{key}</Key></PostResponse>".encode(), 201, "application/xml")


def _refused(code: str) -> ApiResponse:
    return ApiResponse(f"<Error><Code>{code}</Code></Error>".encode(), 400, "application/xml", error=True)
