import struct
import zlib

from sandbox.common.pictures import png


def chunks(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position = 8
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        name, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        (crc,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
        assert crc == zlib.crc32(name + content)
        yield name, content
        position += 12 + length


def test_a_key_always_draws_the_same_picture():
    png.cache_clear()
    first = png("7-1-1")
    png.cache_clear()
    assert png("7-1-1") == first
    assert png("7-1-2") != first


def test_a_picture_is_a_png_that_holds_all_its_lines():
    parts = dict(chunks(png("7-1-1")))
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    assert len(zlib.decompress(parts[b"IDAT"])) == (width + 1) * height
    assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
