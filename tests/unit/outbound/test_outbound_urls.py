"""Which URLs the server may be told to ask."""

from ipaddress import ip_network

import pytest

from holdfast.outbound.url import CLOSED_PORTS, MAX_URL_CHARS, check_url

LAN = (ip_network("127.0.0.0/8"),)
INSIDE = "This address is not one of the public internet."
NAMED = "This name is not one of the public internet."


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/hook?a=b#c",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]:8443/",
        "https://bücher.example/",
        "https://example.com./",
        "https://localhost.example.com/",
        "https://0x7f.example.com/",
        "HTTPS://EXAMPLE.COM/",
        "https://my_hook.example.com/",
        "https://" + "a" * 63 + ".example.com/",
    ],
)
def test_these_may_be_asked(url: str):
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        pytest.param("http://127.0.0.1/", INSIDE, id="S-37 plain"),
        pytest.param("http://2130706433/", INSIDE, id="S-37 decimal"),
        pytest.param("http://0x7f000001/", INSIDE, id="S-37 hex"),
        pytest.param("http://0177.0.0.1/", INSIDE, id="S-37 octal"),
        pytest.param("http://127.1/", INSIDE, id="S-37 short"),
        pytest.param("http://①②⑦.⓪.⓪.①/", INSIDE, id="S-37 digits of Unicode"),
        pytest.param("http://127.0.0.1./", INSIDE, id="S-37 with a dot at its end"),
        pytest.param("http://LOCALHOST/", NAMED, id="S-37 localhost"),
        pytest.param("http://localhost./", NAMED, id="S-37 localhost with a dot"),
        pytest.param("http://metadata.google.internal/", NAMED, id="S-37 Google's metadata"),
        pytest.param("http://printer.local/", NAMED, id="S-37 a name of the network at hand"),
        pytest.param("http://[::1]/", INSIDE, id="S-37 IPv6"),
        pytest.param("http://[::ffff:127.0.0.1]/", INSIDE, id="S-37 mapped"),
        pytest.param("http://[fe80::1%25eth0]/", "Must have a host, written plainly.", id="S-37 with a zone"),
        pytest.param("http://user@example.com/", "Must not hold a user name or password.", id="S-37 a user"),
        pytest.param("http://user:word@example.com/", "Must not hold a user name or password.", id="S-37 a password"),
        pytest.param("http://127.0.0.1%23@example.com/", "Must not hold a user name or password.", id="S-37 two hosts"),
        pytest.param("http://exa%6dple.com/", "Must have a host, written plainly.", id="S-37 an escape"),
        pytest.param("http://example.com\\@127.0.0.1/", "Must be a URL of at most", id="S-37 a backslash"),
        pytest.param("file:///etc/passwd", "Must begin with https:// or http://.", id="S-40 file"),
        pytest.param("gopher://example.com/", "Must begin with https:// or http://.", id="S-40 gopher"),
        pytest.param("unix:/run/docker.sock", "Must begin with https:// or http://.", id="S-40 unix"),
        pytest.param("//example.com/", "Must begin with https:// or http://.", id="no scheme"),
        pytest.param("http://example.com:22/", "Nothing speaks HTTP on port 22.", id="S-40 ssh"),
        pytest.param("http://example.com:0/", "Nothing speaks HTTP on port 0.", id="port 0"),
        pytest.param("http://example.com:99999/", "Must be a URL of at most", id="no port"),
        pytest.param("http://[::1/", "Must be a URL of at most", id="half a bracket"),
        pytest.param("http:///x", "Must have a host, written plainly.", id="no host"),
        pytest.param("http://exa..mple.com/", "Must have a host that can be", id="an empty part"),
        pytest.param("http://.com/", "Must have a host that can be", id="nothing before a dot"),
        pytest.param("http://example.com../", "Must have a host that can be", id="two dots at its end"),
        pytest.param("http://" + "a" * 64 + ".com/", "Must have a host that can be", id="a part of 64"),
        pytest.param("http://" + "a." * 127 + "com/", "Must have a host that can be", id="a name of 257"),
        pytest.param("http://example.com/a b", "Must be a URL of at most", id="a space"),
        pytest.param("http://example.com/\r\nx: y", "Must be a URL of at most", id="a line end"),
        pytest.param("http://example.com/" + "a" * MAX_URL_CHARS, "Must be a URL of at most", id="too long"),
        pytest.param("", "Must begin with https:// or http://.", id="nothing"),
    ],
)
def test_these_may_not(url: str, wrong: str):
    assert (check_url(url) or "").startswith(wrong)


@pytest.mark.parametrize("port", [25, 5432, 6379, 11211, 27017])
def test_where_other_protocols_are_spoken_nothing_is_sent(port: int):
    """S-40."""
    assert port in CLOSED_PORTS
    assert check_url(f"https://example.com:{port}/") == f"Nothing speaks HTTP on port {port}."


def test_https_can_be_asked_for():
    assert check_url("http://example.com/", https=True) == "Must begin with https://."
    assert check_url("https://example.com/", https=True) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/", "http://2130706433/", "http://localhost:8080/"])
def test_a_network_that_is_allowed_may_be_named(url: str):
    """S-41."""
    assert check_url(url, LAN) is None


def test_what_is_allowed_opens_nothing_else():
    assert check_url("http://10.0.0.1/", LAN) == INSIDE
    assert check_url("http://169.254.169.254/", (ip_network("0.0.0.0/0"),)) == INSIDE
