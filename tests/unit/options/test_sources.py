"""Where the values of settings come from."""

import msgspec
import pytest

from holdfast.config import Settings, catalogue
from holdfast.options.sources import option_sources, startup_settings
from holdfast.schema.app_options import AppOptions, Files, Meta


@pytest.mark.parametrize(
    ("options", "settings", "name", "source"),
    [
        pytest.param(AppOptions(), Settings(), "meta.appName", "default", id="nobody has set it"),
        pytest.param(AppOptions(meta=Meta(app_name="Shop")), Settings(), "meta.appName", "saved", id="saved"),
        pytest.param(
            AppOptions(files=Files(max_bytes_of={"a": 1})), Settings(), "files.maxBytesOf", "saved", id="deep"
        ),
        pytest.param(
            AppOptions(meta=Meta(app_url="https://a.example")),
            Settings.load({"HOLDFAST_PUBLIC_URL": "https://b.example"}),
            "meta.appURL",
            "the environment variable HOLDFAST_PUBLIC_URL",
            id="the environment wins over what is saved",
        ),
        pytest.param(AppOptions(), Settings(batch_requests=0), "batch.maxRequests", "default", id="0 fixes nothing"),
    ],
)
def test_an_option_says_where_it_comes_from(options: AppOptions, settings: Settings, name: str, source: str) -> None:
    found = {one.name: one.source for one in option_sources(options, settings)}
    assert found[name] == source
    assert "smtp.password" in found


def test_every_setting_of_the_start_is_told_and_no_secret() -> None:
    settings = Settings.load({"DATABASE_URL": "postgresql://u:hunter2@h/d", "HOLDFAST_PORT": "9000"})
    found = {one.name: one for one in startup_settings(settings)}
    assert list(found) == [one.name for one in catalogue()]
    assert (found["port"].value, found["port"].source) == (9000, "the environment variable HOLDFAST_PORT")
    assert (found["host"].source, found["database_url"].value) == ("default", "(hidden)")
    assert b"hunter2" not in msgspec.json.encode(list(found.values()))
