"""Certificates for brokers and clients, made by openssl: good ones, expired ones, and those of a stranger."""

import pathlib
import subprocess

from . import jars


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class Authority:
    """A certificate authority in `folder`, with a broker certificate for 127.0.0.1 and localhost.

    `broker_days` below zero makes the broker's certificate an expired one.
    """

    def __init__(self, folder, broker_days=30):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", f"/CN=ca {self.folder.name}",
                 "-keyout", self.folder / "ca.key", "-out", self.ca)
        self.broker = self.issue("broker", broker_days)

    def issue(self, name, days=30):
        """A PEM file with key and certificate of CN=name."""
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                 "-days", days, "-extfile", extensions, "-out", cert)
        pem = self.folder / f"{name}.pem"
        pem.write_text(key.read_text() + cert.read_text())
        return pem

    def pkcs12(self, name, password, certs_only=False):
        """A PKCS12 store: of `name`'s key and certificate, or (certs_only) of the CA's certificate, as keytool makes."""
        store = self.folder / f"{name}{'-trust' if certs_only else ''}.p12"
        if certs_only:
            subprocess.run([jars.JVM / "keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-alias", "ca", "-file",
                            self.ca, "-keystore", store, "-storepass", password], check=True, capture_output=True)
        else:
            _openssl("pkcs12", "-export", "-in", self.folder / f"{name}.pem", "-certfile", self.ca, "-out", store,
                     "-passout", f"pass:{password}")
        return store

    def broker_properties(self, client_auth):
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.broker,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca,
            "ssl.client.auth": client_auth,
        }
