"""A PostgreSQL of the system's own, 15 or newer, that speaks TLS alone: what an operator may bring."""

import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from holdfast.db.embedded.account import Account, account_for
from holdfast.db.embedded.binaries import read_version

PASSWORD = "hunter2"
ACCESS = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


class TlsServer(msgspec.Struct, frozen=True):
    """Where it listens, what it was made from, and the certificate that vouches for it."""

    address: str
    version: str
    certificate: Path

    def url(self, query: str, *, password: str = PASSWORD, database: str = "shop") -> str:
        """An address as an operator writes it."""
        return f"postgresql://app:{password}@{self.address}/{database}?{query}"


def programs() -> Path | None:
    """The folder of a PostgreSQL on the PATH that is 15 or newer and was built with TLS."""
    found = shutil.which("postgres")
    if found is None:
        return None
    folder = Path(found).resolve().parent
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=False).stdout.decode()
    built = subprocess.run([folder / "postgres", "--describe-config"], capture_output=True, check=False).stdout
    version = read_version(said)
    usable = version is not None and int(version.partition(".")[0]) >= 15 and (folder / "initdb").exists()
    return folder if usable and b"ssl_cert_file" in built else None


def make_certificate(folder: Path) -> None:
    """A key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(pem)
    (folder / "server.key").chmod(0o600)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(account: Account, *arguments: object, stdin: bytes = b"") -> None:
    """Run one of its programs."""
    done = account.run([str(argument) for argument in arguments], stdin)
    assert done.returncode == 0, done.stdout.decode()


@contextmanager
def tls_server(folder: Path, home: Path) -> Iterator[TlsServer]:
    """The server, for the block. `home` has to be open to the user that it runs as."""
    account = account_for(home / "nothing")
    data, port = home / "data", free_port()
    account.own(home)
    run(
        account, folder / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-A", "trust"
    )
    make_certificate(data)
    for name in ("server.key", "server.crt"):
        account.own(data / name)
    (data / "pg_hba.conf").write_text(ACCESS)
    process = account.popen(
        [folder / "postgres", "-D", data, "-k", home, "-p", str(port), "-h", "127.0.0.1", "-c", "ssl=on", "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        psql = (folder / "psql", "-X", "-h", home, "-p", port, "-U", "postgres", "-v", "ON_ERROR_STOP=1")
        run(
            account,
            *psql,
            stdin=f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}';\nCREATE DATABASE shop OWNER app;\n".encode(),
        )
        shown = shutil.copy(data / "server.crt", home / "root.crt")
        os.chmod(shown, 0o644)
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=True).stdout.decode()
        yield TlsServer(f"127.0.0.1:{port}", read_version(said) or "", Path(shown))
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            time.sleep(0.3)  # it listens before it takes connections
            return
    raise AssertionError("PostgreSQL does not start")
