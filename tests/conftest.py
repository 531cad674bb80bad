"""What all tests may use."""

from client import api, shared_api, start_api
from mail_sink import mail_api, mailbox
from oauth2_provider import openid
from plugged import start_plugged
from postgres import anywhere, cluster, database, empty_database
from redis_server import redis_server
from served import no_server_left, served

__all__ = [
    "anywhere",
    "api",
    "cluster",
    "database",
    "empty_database",
    "mail_api",
    "mailbox",
    "no_server_left",
    "openid",
    "redis_server",
    "served",
    "shared_api",
    "start_api",
    "start_plugged",
]
