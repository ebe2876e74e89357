"""Where events are not sent, however the address is written and wherever its name leads."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from services.deliveries.posting import NotTaken, Poster
from services.deliveries.targets import MAX_URL, Target, TargetRefused, addresses_of, is_public, target_of

FORM = "It must be a URL such as https://app.example.com/events, without user information and fragment."
HOST = "Its host is neither a name nor an address in the usual form."
HTTPS = "It must begin with https://."
PORT = "Its port must be 80, 443, or one from 1024 to 65535."
NOT_PUBLIC = "It leads to an address that is not public."
NOWHERE = "Its name leads to no address."

REFUSED = {
    "http://app.example.com/": HTTPS,
    "ftp://app.example.com/": FORM,
    "file:///etc/passwd": FORM,
    "https://": FORM,
    "app.example.com": FORM,
    "https://user:secret@app.example.com/": FORM,
    "https://app.example.com@127.0.0.1/": FORM,
    "https://app.example.com\\@127.0.0.1/": FORM,
    "https://app.example.com/#fragment": FORM,
    "https://app.example.com/a b": FORM,
    "https://app.example.com/\r\nhost: x": FORM,
    "https://app.example.com/\n": FORM,
    "https://éxample.com/": FORM,
    "https://127。0。0。1/": FORM,
    "https://app.example.com?query": FORM,
    "https://app.example.com/" + "x" * MAX_URL: FORM,
    "https://app.example.com:22/": PORT,
    "https://app.example.com:0/": PORT,
    "https://app.example.com:65536/": PORT,
    "https://app.example.com:x/": FORM,
    "https://2130706433/": HOST,
    "https://0x7f000001/": HOST,
    "https://017700000001/": HOST,
    "https://127.1/": HOST,
    "https://0177.0.0.1/": HOST,
    "https://0x7f.0.0.1/": HOST,
    "https://127.0.0.1./": HOST,
    "https://1.2.3.4.5/": HOST,
    "https://[127.0.0.1]/": HOST,
    "https://[fe80::1%25eth0]/": FORM,
    "https://127.0.0.1/": NOT_PUBLIC,
    "https://127.255.255.254/": NOT_PUBLIC,
    "https://0.0.0.0/": NOT_PUBLIC,
    "https://10.0.0.1/": NOT_PUBLIC,
    "https://172.16.0.1/": NOT_PUBLIC,
    "https://192.168.1.1/": NOT_PUBLIC,
    "https://100.64.0.1/": NOT_PUBLIC,
    "https://169.254.169.254/latest/meta-data": NOT_PUBLIC,
    "https://192.0.0.192/": NOT_PUBLIC,
    "https://192.0.2.1/": NOT_PUBLIC,
    "https://192.88.99.1/": NOT_PUBLIC,
    "https://198.18.0.1/": NOT_PUBLIC,
    "https://224.0.0.1/": NOT_PUBLIC,
    "https://240.0.0.1/": NOT_PUBLIC,
    "https://255.255.255.255/": NOT_PUBLIC,
    "https://[::1]/": NOT_PUBLIC,
    "https://[::]/": NOT_PUBLIC,
    "https://[::ffff:127.0.0.1]/": NOT_PUBLIC,
    "https://[::ffff:93.184.215.14]/": NOT_PUBLIC,
    "https://[::127.0.0.1]/": NOT_PUBLIC,
    "https://[64:ff9b::7f00:1]/": NOT_PUBLIC,
    "https://[2002:7f00:1::]/": NOT_PUBLIC,
    "https://[2001:0:7f00:1::]/": NOT_PUBLIC,
    "https://[2001:db8::1]/": NOT_PUBLIC,
    "https://[fe80::1]/": NOT_PUBLIC,
    "https://[fec0::1]/": NOT_PUBLIC,
    "https://[fc00::1]/": NOT_PUBLIC,
    "https://[ff02::1]/": NOT_PUBLIC,
    "https://localhost/": NOT_PUBLIC,
    "https://LOCALHOST:8443/": NOT_PUBLIC,
    "https://nowhere.invalid/": NOWHERE,
    "https://-.-/": NOWHERE,
}


@pytest.mark.parametrize("url", REFUSED, ids=[url[:48].encode("unicode_escape").decode() for url in REFUSED])
async def test_what_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused) as refused:
        await addresses_of(target_of(url, private=False))
    assert str(refused.value) == REFUSED[url]


@pytest.mark.parametrize("url", REFUSED, ids=[url[:48].encode("unicode_escape").decode() for url in REFUSED])
async def test_what_is_refused_is_refused_when_connecting_too(url: str) -> None:
    async with Poster(private=False) as poster:
        with pytest.raises(NotTaken) as refused:
            await poster.post(url, b"{}", {})
    assert (refused.value.message, refused.value.code) == (REFUSED[url], None)


@pytest.mark.parametrize("host", ["93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"])
async def test_public_addresses_are_taken(host: str) -> None:
    target = target_of(f"https://{host}:8443/events?a=%20b", private=False)
    assert (target.host, target.port, target.path) == (host.strip("[]"), 8443, "/events?a=%20b")
    assert target.authority == f"{host}:8443"
    assert await addresses_of(target) == [ip_address(host.strip("[]"))]


def leading_to(*addresses: str) -> Any:
    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        assert host == "app.example.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


async def test_every_address_of_a_name_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", leading_to("93.184.215.14", "10.0.0.1"))
    with pytest.raises(TargetRefused, match=NOT_PUBLIC):
        await addresses_of(target_of("https://app.example.com/", private=False))
    monkeypatch.setattr(socket, "getaddrinfo", leading_to("93.184.215.14", "93.184.215.14"))
    assert await addresses_of(target_of("https://app.example.com/", private=False)) == [ip_address("93.184.215.14")]


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.0.1"])
async def test_plain_http_goes_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert await addresses_of(Target("http", "127.0.0.1", 8000, "/", private=True)) == [ip_address("127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", leading_to(address))
    with pytest.raises(TargetRefused, match="plain http goes to this machine alone"):
        await addresses_of(target_of("http://app.example.com/", private=True))
    assert await addresses_of(target_of("https://app.example.com/", private=True)) == [ip_address(address)]


@pytest.mark.parametrize(
    ("address", "public"), [("8.8.8.8", True), ("2606:4700::1", True), ("::ffff:8.8.8.8", False), ("192.0.0.1", False)]
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public
