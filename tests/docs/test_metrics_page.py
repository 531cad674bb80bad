"""The pages about metrics: the list is the catalogue, and the way to Prometheus leads there."""

import json
import re
from pathlib import Path

import yaml

from client import Api
from holdfast.auth.principals import KEPT_SECONDS
from holdfast.config import Settings
from holdfast.db.timing import MOST_KEPT
from holdfast.http.local import FORWARDING, HOSTS
from holdfast.jobs.state import MOST_COUNTED, MOST_WAITING
from holdfast.metrics.catalogue import METRICS, PREFIX
from holdfast.metrics.figures import MOST_ROUTES, MOST_STATEMENTS
from holdfast.metrics.history_asked import LISTED, MOST_LISTED, MOST_STEPS, STEPS, WANTED
from holdfast.metrics.history_store import kept_days
from holdfast.metrics.requests import BOUNDS_MS, METHODS, OTHER
from holdfast.metrics.series import SERIES
from holdfast.metrics.sizes import COMPARED_DAYS, COUNTED_BYTES
from holdfast.metrics.statements import MOST_TEXT_CHARS
from holdfast.realtime.neighbours import ANSWER_SECONDS

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "metrics.md").read_text("utf-8")
HOW_TO = (DOCS / "how-to" / "monitor.md").read_text("utf-8")
WORDS = " ".join(REFERENCE.split())


def rows(title: str) -> list[list[str]]:
    """The cells of a table."""
    lines = REFERENCE.split(f"| {title} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_metric_is_on_the_page_with_its_kind_its_labels_and_its_help():
    listed = [[code(name)[0], kind, code(labels), help] for name, kind, labels, help in rows("metric")]
    assert listed == [[PREFIX + one.name, one.kind, list(one.labels), one.help] for one in METRICS]


def test_every_label_is_explained():
    labels = {label for metric in METRICS for label in metric.labels} - {"version"}
    assert {code(row[0])[0] for row in rows("label")} == labels


def test_the_words_of_the_labels_are_those_of_the_code():
    methods = next(row[1] for row in rows("label") if row[0] == "`method`")
    assert set(code(methods)) == {*METHODS, OTHER}
    bounds = [bound / 1000 for bound in BOUNDS_MS]
    sentence = WORDS.split("The bounds of the histogram are ")[1].split(" seconds. ")[0]
    assert [float(number) for number in re.findall(r"[\d.]*\d", sentence)] == bounds


def test_the_numbers_of_the_pages_are_those_of_the_code():
    assert f"looked up in the last {KEPT_SECONDS:g} s" in WORDS
    assert f"does not within {ANSWER_SECONDS:g} seconds is left out" in WORDS
    helps = {metric.name: metric.help for metric in METRICS}
    assert f"{MOST_WAITING:,}" in helps["jobs_waiting"]
    assert f"{MOST_COUNTED:,}" in helps["jobs_dead"]
    assert f"setting `metrics_role` names (`{Settings().metrics_role}`)" in WORDS


def test_the_headers_of_proxies_are_those_that_are_looked_at():
    named = WORDS.split("no header of a proxy (")[1].split(")")[0]
    assert {name.lower().encode() for name in code(named)} == set(FORWARDING)
    assert all(f"`{host}`" in WORDS for host in HOSTS)


def test_alerts_are_about_metrics_that_there_are():
    scrape, alerts = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", HOW_TO, re.M | re.S)]
    assert scrape["scrape_configs"][0]["authorization"]["type"] == "Bearer"
    known = {PREFIX + metric.name for metric in METRICS}
    for rule in alerts["groups"][0]["rules"]:
        named = {name.removesuffix("_bucket") for name in re.findall(r"holdfast_\w+", rule["expr"])}
        assert named, rule
        assert named <= known, rule


async def test_the_key_of_the_page_reads_metrics_from_its_address(api: Api):
    role, key = [json.loads(found) for found in re.findall(r"-d '(\{.*?\})'", HOW_TO)]
    assert (await api.root.post("/api/roles", json=role)).status_code == 200
    made = await api.root.post("/api/keys", json=key)
    assert made.status_code == 200, made.text
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    client = api.client(address=key["allowedIps"][0])
    assert (await client.get("/metrics", headers=headers)).status_code == 200
    assert (await api.guest.get("/metrics", headers=headers)).status_code == 401


async def test_the_server_says_how_long_the_oldest_has_waited(api: Api):
    said = (await api.guest.get("/api/ready")).json()["data"]
    for name in ("jobs", "events", "webhooks"):
        assert f"`{name}`" in HOW_TO
        assert f"`{name}Seconds`" in HOW_TO
        assert said[name] == "ok"
        assert said[f"{name}Seconds"] >= 0


def test_every_series_is_on_the_page_with_its_unit_and_its_help():
    listed = [[code(name)[0], unit, help] for name, unit, help in rows("series")]
    assert listed == [[one.name, one.unit, one.help] for one in SERIES]


def test_the_numbers_of_the_history_are_those_of_the_code():
    days = Settings().metrics_days
    kept = [{"step": step, "days": of} for step, of in kept_days(days).items()]
    assert f'"kept": {json.dumps(kept)}' in WORDS
    assert f"Minutes are kept for {kept[0]['days']} days, stretches of 10 minutes for {kept[1]['days']} days" in WORDS
    assert f"hours for `metrics_days` of the [settings](settings.md) ({days})" in WORDS
    assert f"({LISTED}, at most {MOST_LISTED})" in WORDS
    assert f"at most {MOST_STEPS:,} of them" in WORDS
    assert f"that makes at most {WANTED} if absent" in WORDS
    assert [one / 60 for one in STEPS] == [1, 10, 30, 60, 120, 360, 1440]
    assert f"the {MOST_ROUTES} busiest are told apart" in WORDS
    assert f"the first day of the last {COMPARED_DAYS} that is known" in WORDS
    assert f"A table of up to {COUNTED_BYTES // 1024 // 1024} MB is counted" in WORDS


def test_the_numbers_about_statements_are_those_of_the_code():
    assert f"the {MOST_STATEMENTS} that took most time in all and the {MOST_STATEMENTS} with the longest runs" in WORDS
    assert f"In a minute {MOST_KEPT} statements are told apart" in WORDS
    assert f"cut after {MOST_TEXT_CHARS:,} characters" in WORDS
