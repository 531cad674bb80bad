"""Settings: where a value comes from, what is refused, and that no secret is shown."""

from pathlib import Path

import pytest

from holdfast.config import ConfigError, Settings, catalogue


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "holdfast.toml"


def test_without_anything_every_setting_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8090, tmp_path / "hf_data")


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(file: Path):
    file.write_text('port = 1\nhost = "file"\nworkers = 2\n')
    settings = Settings.load({"HOLDFAST_PORT": "3", "HOLDFAST_HOST": "environment"}, file, {"port": 4, "host": None})
    assert (settings.port, settings.host, settings.workers) == (4, "environment", 2)
    assert settings.sources == {
        "port": "the command line",
        "host": "the environment variable HOLDFAST_HOST",
        "workers": f"the file {file}",
    }


def test_holdfast_toml_of_the_working_directory_is_read_if_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holdfast.toml").write_text("port = 9000\n")
    assert Settings.load({}).port == 9000


def test_the_variable_holdfast_config_names_the_file(file: Path):
    file.write_text("port = 9001\n")
    assert Settings.load({"HOLDFAST_CONFIG": str(file)}).port == 9001


def test_an_empty_environment_variable_counts_as_absent():
    assert Settings.load({"HOLDFAST_PORT": "", "HOLDFAST_CONFIG": ""}).port == 8090


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("HOLDFAST_BACKGROUND", "no", "background", False),
        ("HOLDFAST_BACKGROUND", "TRUE", "background", True),
        ("HOLDFAST_PORT", " 0 ", "port", 0),
        (
            "HOLDFAST_CORS_ORIGINS",
            "https://A.example, http://b:81/",
            "cors_origins",
            ("https://a.example", "http://b:81"),
        ),
        ("HOLDFAST_TRUSTED_PROXIES", "10.1.2.3/8,::1", "trusted_proxies", ("10.0.0.0/8", "::1/128")),
        ("HOLDFAST_OUTBOUND_ALLOW", "10.1.2.3/16,64:ff9b::/96", "outbound_allow", ("10.1.0.0/16", "64:ff9b::/96")),
        ("HOLDFAST_LOG_FORMAT", "JSON", "log_format", "json"),
        ("HOLDFAST_PUBLIC_URL", "https://api.example.com/", "public_url", "https://api.example.com"),
        ("DATABASE_URL", "postgresql://u@h/d", "database_url", "postgresql://u@h/d"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_a_value_of_the_environment_is_read_as_its_setting_takes_it(
    variable: str, value: str, name: str, expected: object
):
    assert getattr(Settings.load({variable: value}), name) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOLDFAST_PORT", "80a"),
        ("HOLDFAST_PORT", "65536"),
        ("HOLDFAST_PORT", "-1"),
        ("HOLDFAST_PORT", "1_000"),
        ("HOLDFAST_PORT", "٣"),
        ("HOLDFAST_WORKERS", "0"),
        ("HOLDFAST_BACKGROUND", "perhaps"),
        ("HOLDFAST_LOG_LEVEL", "loud"),
        ("HOLDFAST_DATA", " "),
        ("HOLDFAST_CORS_ORIGINS", "app.example.com"),
        ("HOLDFAST_CORS_ORIGINS", "https://app.example.com/path"),
        ("HOLDFAST_CORS_ORIGINS", "https://user@app.example.com"),
        ("HOLDFAST_CORS_ORIGINS", "*,https://app.example.com"),
        ("HOLDFAST_PUBLIC_URL", "https://api.example.com:99999"),
        ("HOLDFAST_PUBLIC_URL", "ftp://api.example.com"),
        ("HOLDFAST_TRUSTED_PROXIES", "everyone"),
        ("HOLDFAST_OUTBOUND_ALLOW", "169.254.169.254"),
        ("HOLDFAST_OUTBOUND_ALLOW", "10.0.0.0/8,fe80::/10"),
        ("HOLDFAST_OUTBOUND_ALLOW", "224.0.0.0/4"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "localhost:6379"),
        ("HOLDFAST_SUPERUSER_EMAIL", "a@example.com"),
        ("HOLDFAST_SUPERUSER_PASSWORD", "without an email"),
    ],
)
def test_a_value_that_a_setting_does_not_take_is_refused_by_name(variable: str, value: str):
    with pytest.raises(ConfigError, match=variable.removeprefix("HOLDFAST_").lower()):
        Settings.load({variable: value})


def test_a_refusal_names_the_setting_its_source_and_what_is_allowed(file: Path):
    file.write_text("port = 70000\n")
    with pytest.raises(ConfigError) as refusal:
        Settings.load({}, file)
    assert str(refusal.value) == (
        f"The setting port, from the file {file}, has to be a whole number from 0 to 65535, not 70000."
    )


@pytest.mark.parametrize("secret", [setting.name for setting in catalogue() if setting.about.secret])
def test_a_refused_secret_is_not_repeated(secret: str):
    by_name = {setting.name: setting for setting in catalogue()}
    environment = by_name[secret].environment
    with pytest.raises(ConfigError) as refusal:
        Settings.load({environment: "mysql://hunter2\0"})
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_secrets_are_in_no_repr_and_in_no_list_of_the_settings():
    settings = Settings.load(
        {
            "DATABASE_URL": "postgresql://u:hunter2@h/d",
            "REDIS_URL": "redis://:hunter2@h",
            "HOLDFAST_SUPERUSER_EMAIL": "a@example.com",
            "HOLDFAST_SUPERUSER_PASSWORD": "hunter2hunter2",
        }
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.shown())
    assert settings.shown()["database_url"] == "(hidden)"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HOLDFAST_PRT", "HOLDFAST_PORT"),
        ("HOLDFAST_DATABASE_URL", "DATABASE_URL"),
        ("HOLDFAST_CONFG", "HOLDFAST_CONFIG"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(variable: str, meant: str):
    with pytest.raises(ConfigError, match=f"{variable} is no setting; perhaps {meant} was meant"):
        Settings.load({variable: "1"})


def test_variables_of_our_own_tests_and_of_others_are_left_alone():
    assert Settings.load({"HOLDFAST_TEST_DATABASE": "x", "PORT": "1", "PATH": "/"}).port == 8090


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("prt = 1", "unknown setting prt; perhaps port was meant"),
        ("port = ", "not valid TOML"),
        ("port = true", "setting port"),
        ("cors_origins = 5", "setting cors_origins"),
        ("cors_origins = [5]", "setting cors_origins"),
        ("[server]\nport = 1", "unknown setting server"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(file: Path, content: str, reason: str):
    file.write_text(content)
    with pytest.raises(ConfigError, match=reason):
        Settings.load({}, file)


def test_a_file_that_was_named_has_to_be_there(file: Path):
    with pytest.raises(ConfigError, match="does not exist"):
        Settings.load({}, file)


def test_a_file_that_is_not_utf8_is_refused(file: Path):
    file.write_bytes(b'host = "\xff"')
    with pytest.raises(ConfigError, match="not valid TOML"):
        Settings.load({}, file)


def test_every_setting_has_help_that_is_a_sentence():
    assert [setting.name for setting in catalogue() if not setting.about.help.endswith((".", "none yet."))] == []
