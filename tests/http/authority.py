"""A throw-away certificate authority, made with the openssl command."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """A certificate authority that only the tests trust, in a folder of the test run."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """Make a new one in an empty folder."""
        files = ("-keyout", folder / "ca.key", "-out", folder / "ca.pem")
        _openssl("req", "-x509", *NEW_KEY, *files, "-subj", "/CN=test authority", "-days", "2")
        return cls(folder)

    @property
    def bundle(self) -> str:
        """The file with its own certificate."""
        return str(self.folder / "ca.pem")

    def server_context(self, name: str) -> ssl.SSLContext:
        """Return a server's context with a certificate for one host name or address."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        if not certificate.exists():
            extensions = self.folder / f"{name}.ext"
            extensions.write_text(f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}\n")
            _openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
            signed_by = ("-CA", self.bundle, "-CAkey", self.folder / "ca.key", "-extfile", extensions)
            _openssl("x509", "-req", "-in", request, "-out", certificate, "-days", "2", *signed_by)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return context


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
