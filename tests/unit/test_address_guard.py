"""Laws of the address guard: which URLs and addresses the hub calls, and which never."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.outbound.addresses import AddressNotAllowed, is_public, read_url, vet

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456:789a::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2a00:1450::5efe:a00:1",
        "2a00:1450::200:5efe:a00:1",
    ],
)
def test_an_address_that_is_not_of_the_open_internet_is_refused(address: str) -> None:
    """Private, local, shared, reserved, documented, multicast, and every form that hides another address in it."""
    assert not is_public(ip_address(address))
    with pytest.raises(AddressNotAllowed):
        vet(read_url("https://las.example/hook"), [ip_address(address)], ())


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "145.97.39.155", "100.128.0.1", "172.32.0.1", "2a00:1450:400e:80d::200e", "2001:610::1"]
)
def test_an_address_of_the_open_internet_is_called(address: str) -> None:
    """Neighbours of refused networks included."""
    vet(read_url("https://las.example/hook"), [ip_address(address)], ())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://１２７.０.０.１/",  # noqa: RUF001 - digits that are not ASCII
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://0/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_every_way_to_write_a_local_address_is_seen_through(url: str) -> None:
    """The guard reads a URL as the client does, so no spelling slips between the two."""
    target = read_url(url)
    assert target.literal is not None
    with pytest.raises(AddressNotAllowed):
        vet(target, [target.literal], ())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "las.example/hook",
        "//las.example/hook",
        "https:las.example",
        "https:///las.example",
        "https://",
        "ftp://las.example/",
        "file:///etc/passwd",
        "gopher://las.example/",
        "unix:/run/postgres",
        "javascript:alert(1)",
        "https://user@las.example/",
        "https://user:secret@las.example/",
        "https://:secret@las.example/",
        "https://@las.example/",
        "https://las.example@127.0.0.1/",
        "https://las.example/#part",
        "https://las.example:0/",
        "https://las.example:65536/",
        "https://las.example:-1/",
        "https://las.example:http/",
        "https://las .example/",
        "https://las.example/a b",
        "https://las.example/\n",
        "\thttps://las.example/",
        "https://las.example\\@127.0.0.1/",
        "https:\\\\las.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://las.example/" + "a" * 2000,
    ],
)
def test_a_url_of_a_strange_form_is_not_called(url: str) -> None:
    """Other schemes, names and passwords, fragments, impossible ports, blanks and backslashes."""
    with pytest.raises(AddressNotAllowed):
        read_url(url)


def test_the_host_and_port_are_those_that_the_client_will_use() -> None:
    """Names in lower case and ASCII, the scheme's port where none is written."""
    target = read_url("https://LAS.Example:8443/hook?a=1@2")
    assert (target.host, target.port, target.is_secure, target.literal) == ("las.example", 8443, True, None)
    assert read_url("https://café.example/").host == "xn--caf-dma.example"
    assert (read_url("https://las.example").port, read_url("http://las.example").port) == (443, 80)


def test_one_refused_address_among_many_refuses_the_name() -> None:
    """A name that leads to a public and to a private address is a trick or a mistake."""
    with pytest.raises(AddressNotAllowed):
        vet(read_url("https://las.example/"), [ip_address("8.8.8.8"), ip_address("10.0.0.1")], ())


def test_plain_http_is_only_for_allowed_networks() -> None:
    """What travels over the open internet is encrypted."""
    vet(read_url("http://127.0.0.1/"), [ip_address("127.0.0.1")], LOOPBACK)
    vet(read_url("http://las.test/"), [ip_address("127.0.0.2"), ip_address("::1")], LOOPBACK)
    with pytest.raises(AddressNotAllowed):
        vet(read_url("http://las.example/"), [ip_address("8.8.8.8")], LOOPBACK)
    with pytest.raises(AddressNotAllowed):
        vet(read_url("http://las.test/"), [ip_address("127.0.0.1"), ip_address("8.8.8.8")], LOOPBACK)


def test_an_allowed_network_opens_nothing_beside_it() -> None:
    """The same address in another family, or one further, stays closed."""
    for address in ("10.0.0.1", "::ffff:127.0.0.1", "::2"):
        with pytest.raises(AddressNotAllowed):
            vet(read_url("https://las.test/"), [ip_address(address)], LOOPBACK)


def test_a_name_without_addresses_is_refused() -> None:
    """There is nothing to vet, so there is nothing to call."""
    with pytest.raises(AddressNotAllowed):
        vet(read_url("https://las.example/"), [], ())


@given(st.integers(0, 2**32 - 1))
def test_no_address_passes_in_disguise(number: int) -> None:
    """An IPv4 address inside an IPv6 one, mapped, translated or tunnelled, is refused, whichever it is."""
    for prefix in ("::", "::ffff:0:0", "64:ff9b::"):
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) + number))
    assert not is_public(IPv6Address((0x2002 << 112) + (number << 80)))


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_a_refusal(text: str) -> None:
    """Nothing else is ever raised for what a stranger wrote."""
    for url in (text, f"https://{text}", f"http://las.example:{text}"):
        try:
            target = read_url(url)
        except AddressNotAllowed:
            continue
        assert target.host
        assert 1 <= target.port <= 65535
