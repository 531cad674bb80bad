"""Files come in by forms: stored, held by their records, and gone again where no record took them."""

import json
import resource

import pytest

from client import in_one_loop, refused
from files_shelf import HTML, PNG, SVG, Shelf

pytestmark = in_one_loop
NAMES = [
    pytest.param("../../etc/passwd", "passwd_", "", id="a path upwards"),
    pytest.param("/etc/cron.d/x.sh", "x_", ".sh", id="a path from the root"),
    pytest.param("C:\\fakepath\\a.txt", "a_", ".txt", id="what old browsers send"),
    pytest.param("CON.txt", "con_", ".txt", id="a device of Windows"),
    pytest.param("x" * 5000 + ".txt", "x" * 100 + "_", ".txt", id="a name of 5 kB"),
    pytest.param("\u202egnp.exe", "gnp_", ".exe", id="read from the right"),
    pytest.param("Übergrößenträger.txt", "ubergro", ".txt", id="German"),
    pytest.param("写真.txt", "", ".txt", id="Chinese"),
    pytest.param("صورة.txt", "", ".txt", id="Arabic"),
    pytest.param("🦊.txt", "", ".txt", id="no letter at all"),
    pytest.param("a.tar.gz", "a_tar_", ".gz", id="two endings"),
    pytest.param("a.txt ' onload=alert(1)", "", ".txt", id="an ending that is none"),
    pytest.param(".htaccess", "", ".htaccess", id="nothing but an ending"),
]


async def test_a_file_is_stored_under_a_name_of_its_own_and_comes_back_as_it_was(shelf: Shelf) -> None:
    record = await shelf.add(("cover", ("Mein Bild (1).PNG", PNG)), title="a")
    assert record["title"] == "a"
    assert record["cover"].startswith("mein_bild_1_")
    assert record["cover"].endswith(".png")
    answer = await shelf.get(record, record["cover"])
    assert answer.status_code == 200
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert await shelf.registered() == {record["cover"]: False}
    assert shelf.objects() == {record["cover"]: PNG}


async def test_a_large_file_goes_by_the_spool_and_leaves_nothing_there(shelf: Shelf) -> None:
    content = bytes(range(256)) * 1100  # above what is kept in memory
    record = await shelf.add(("papers", ("large.bin", content)))
    assert (await shelf.get(record, record["papers"][0])).content == content
    assert shelf.waiting() == []


@pytest.mark.parametrize(("sent", "begins", "ends"), NAMES)
async def test_whatever_a_file_is_called_its_name_is_harmless(shelf: Shelf, sent: str, begins: str, ends: str) -> None:
    record = await shelf.add(("papers", (sent, b"hello")))
    name = record["papers"][0]
    assert name.isascii()
    assert name.replace("_", "").replace(".", "").isalnum()
    assert name.startswith(begins)
    assert name.endswith(ends)
    assert (await shelf.get(record, name)).content == b"hello"


async def test_a_file_without_an_ending_gets_that_of_its_type(shelf: Shelf) -> None:
    assert (await shelf.add(("cover", ("photo", PNG))))["cover"].endswith(".png")


async def test_two_files_of_one_name_at_once_are_two_files(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("a.txt", b"one")), ("papers", ("a.txt", b"two")))
    assert [(await shelf.get(record, name)).content for name in record["papers"]] == [b"one", b"two"]


async def test_an_empty_file_is_a_file(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("empty.txt", b"")))
    answer = await shelf.get(record, record["papers"][0])
    assert (answer.status_code, answer.content) == (200, b"")


async def test_files_are_added_put_before_taken_away_and_replaced(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("a.txt", b"a")), ("papers", ("b.txt", b"b")))
    a, b = record["papers"]
    path = f"{shelf.records}/{record['id']}"
    more = (await shelf.api.guest.patch(path, files=[("papers+", ("c.txt", b"c"))])).json()["papers"]
    assert more[:2] == [a, b]
    less = (await shelf.api.guest.patch(path, json={"papers-": [a]})).json()["papers"]
    assert less == more[1:]
    first = (await shelf.api.guest.patch(path, files=[("+papers", ("d.txt", b"d"))])).json()["papers"]
    assert first[1:] == less
    kept = (await shelf.api.guest.patch(path, data={"papers": b}, files=[("papers", ("e.txt", b"e"))])).json()["papers"]
    assert kept[0] == b
    assert len(kept) == 2
    none = (await shelf.api.guest.patch(path, json={"papers": None})).json()["papers"]
    assert none == []
    assert set((await shelf.registered()).values()) == {True}


async def test_the_payload_of_pocketbase_clients_goes_with_files(shelf: Shelf) -> None:
    payload = {"@jsonPayload": json.dumps({"title": "typed"})}
    answer = await shelf.api.guest.post(shelf.records, data=payload, files={"cover": ("a.png", PNG)})
    assert answer.json()["title"] == "typed"
    assert answer.json()["cover"]


async def test_an_upsert_takes_files(shelf: Shelf) -> None:
    id = "upserted0000001"
    made = await shelf.api.guest.put(f"{shelf.records}/{id}", files={"cover": ("a.png", PNG)})
    again = await shelf.api.guest.put(f"{shelf.records}/{id}", files={"cover": ("b.png", PNG)})
    assert made.status_code == again.status_code == 200, again.text
    assert await shelf.registered() == {made.json()["cover"]: True, again.json()["cover"]: False}


async def test_a_batch_takes_files_for_each_of_its_writes(shelf: Shelf) -> None:
    record = await shelf.add(("papers", ("old.txt", b"old")))
    requests = [
        {"method": "POST", "url": shelf.records, "body": {"title": "new"}},
        {"method": "PATCH", "url": f"{shelf.records}/{record['id']}", "body": {}},
    ]
    form = [
        ("@jsonPayload", (None, json.dumps({"requests": requests}))),
        ("requests.0.papers", ("a.txt", b"a")),
        ("requests.0.papers", ("b.txt", b"b")),
        ("requests.1.papers+", ("c.txt", b"c")),
    ]
    answer = await shelf.api.guest.post("/api/batch", files=form)
    assert answer.status_code == 200, answer.text
    made, changed = (one["body"] for one in answer.json())
    assert [(await shelf.get(made, name)).content for name in made["papers"]] == [b"a", b"b"]
    assert [(await shelf.get(changed, name)).content for name in changed["papers"]] == [b"old", b"c"]


async def test_a_batch_that_fails_leaves_no_file(shelf: Shelf) -> None:
    requests = [
        {"method": "POST", "url": shelf.records, "body": {}},
        {"method": "DELETE", "url": f"{shelf.records}/nothing00000000"},
    ]
    form = [("@jsonPayload", (None, json.dumps({"requests": requests}))), ("requests.0.papers", ("a.txt", b"a"))]
    assert (await shelf.api.guest.post("/api/batch", files=form)).status_code == 400
    assert await shelf.registered() == {}
    assert shelf.objects() == {}


@pytest.mark.parametrize(
    ("field", "file", "code"),
    [
        pytest.param("papers", ("a.txt", b"x" * 300_001), "validation_file_size_limit", id="too large"),
        pytest.param("cover", ("a.png", HTML), "validation_invalid_mime_type", id="a page that says it is a picture"),
        pytest.param("cover", ("a.png", SVG), "validation_invalid_mime_type", id="an SVG that says it is a PNG"),
        pytest.param("cover", ("a.png", b"GIF89a" + PNG), "validation_invalid_mime_type", id="two pictures in one"),
        pytest.param("cover", ("a.png", b""), "validation_invalid_mime_type", id="nothing"),
        pytest.param("title", ("a.txt", b"x"), "validation_invalid_value", id="for a text"),
    ],
)
async def test_a_file_that_its_field_does_not_take_is_refused_and_not_kept(
    shelf: Shelf, field: str, file: tuple[str, bytes], code: str
) -> None:
    answer = await shelf.api.guest.post(shelf.records, files=[(field, file), ("papers", ("fine.txt", b"fine"))])
    data = refused(answer, 400, "validation_failed")["data"]
    assert data[field]["code"] == code
    assert await shelf.registered() == {}
    assert shelf.objects() == {}
    assert shelf.waiting() == []


async def test_more_files_than_the_field_holds_are_refused(shelf: Shelf) -> None:
    record = await shelf.add(*[("papers", ("a.txt", b"a"))] * 3)
    more = await shelf.api.guest.patch(f"{shelf.records}/{record['id']}", files=[("papers+", ("b.txt", b"b"))])
    assert refused(more, 400, "validation_failed")["data"]["papers"]["code"] == "validation_too_many_files"
    two = await shelf.api.guest.post(shelf.records, files=[("cover", ("a.png", PNG)), ("cover", ("b.png", PNG))])
    assert refused(two, 400, "validation_failed")["data"]["cover"]["code"] == "validation_too_many_files"
    assert len(await shelf.registered()) == 3


async def test_a_name_of_somebody_elses_file_is_refused(shelf: Shelf) -> None:
    theirs = await shelf.add(("papers", ("a.txt", b"a")))
    mine = await shelf.add(title="mine")
    answer = await shelf.api.guest.patch(f"{shelf.records}/{mine['id']}", json={"papers": theirs["papers"]})
    assert refused(answer, 400, "validation_failed")["data"]["papers"]["code"] == "validation_invalid_file"


async def test_a_write_that_is_refused_for_something_else_leaves_no_file(shelf: Shelf) -> None:
    record = await shelf.add(title="a")
    answer = await shelf.api.guest.post(shelf.records, data={"id": record["id"]}, files={"cover": ("a.png", PNG)})
    assert answer.status_code == 400
    gone = await shelf.api.guest.patch(f"{shelf.records}/nothing00000000", files={"cover": ("a.png", PNG)})
    assert gone.status_code == 404
    assert await shelf.registered() == {}
    assert shelf.objects() == {}


async def test_the_first_answer_is_given_again_without_storing_anything_again(shelf: Shelf) -> None:
    headers = {"Idempotency-Key": "files-once"}
    first = await shelf.api.guest.post(shelf.records, files={"papers": ("a.txt", b"a")}, headers=headers)
    again = await shelf.api.guest.post(shelf.records, files={"papers": ("a.txt", b"a")}, headers=headers)
    other = await shelf.api.guest.post(shelf.records, files={"papers": ("a.txt", b"b")}, headers=headers)
    assert first.json() == again.json()
    assert other.status_code == 422
    assert list(await shelf.registered()) == first.json()["papers"]
    assert len(shelf.objects()) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="papers"; filename="a"\r\n\r\nabc', "b", 400, id="cut"
        ),
        pytest.param(b"--b--\r\n", "", 400, id="no boundary"),
        pytest.param(b"hello", "b", 400, id="no form"),
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="papers"; filename="a\0b"\r\n\r\nx\r\n--b--\r\n',
            "b",
            400,
            id="NUL",
        ),
        pytest.param(
            b"".join(b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(1001))
            + b"--b--\r\n",
            "b",
            413,
            id="1001 parts",
        ),
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="papers"; filename="'
            + b"x" * 20_000
            + b'"\r\n\r\nx\r\n--b--\r\n',
            "b",
            413,
            id="a name of 20 kB",
        ),
    ],
)
async def test_a_form_that_cannot_be_read_leaves_nothing_behind(
    shelf: Shelf, body: bytes, kind: str, status: int
) -> None:
    large = b'--b\r\nContent-Disposition: form-data; name="papers"; filename="l"\r\n\r\n' + b"x" * 290_000 + b"\r\n"
    headers = {"content-type": f"multipart/form-data; boundary={kind}"}
    answer = await shelf.api.guest.post(shelf.records, content=large + body if kind else body, headers=headers)
    assert answer.status_code == status, answer.text
    assert shelf.waiting() == []
    assert await shelf.registered() == {}


async def test_a_form_larger_than_its_files_may_be_is_refused_before_it_is_read(shelf: Shelf) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(1 << 30)}
    answer = await shelf.api.guest.post(shelf.records, content=b"", headers=headers)
    refused(answer, 413, "too_large")


async def test_who_may_create_nothing_is_refused_before_the_form_is_read(shelf: Shelf) -> None:
    await shelf.api.define("closed", [{"name": "f", "type": "file"}], createRule=None)
    answer = await shelf.api.guest.post("/api/collections/closed/records", files={"f": ("a.txt", b"x" * 1000)})
    refused(answer, 403, "forbidden")
    assert shelf.objects() == {}


async def test_a_disk_that_is_full_refuses_a_file_and_keeps_nothing_of_it(shelf: Shelf) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (280_000, before[1]))  # what is longer fails, as on a full disk
    try:
        answer = await shelf.api.guest.post(shelf.records, files={"papers": ("a.bin", bytes(299_000))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
    assert shelf.waiting() == []
    assert await shelf.registered() == {}
    assert shelf.objects() == {}
    await shelf.add(("papers", ("a.bin", bytes(299_000))))
