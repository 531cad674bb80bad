"""The system tables as an app in Piccolo's sense: a name, and where its migrations are."""

from piccolo.conf.apps import AppConfig

from holdfast import paths

APP_CONFIG = AppConfig(app_name="holdfast", migrations_folder_path=str(paths.migrations()))
